"""The AWS account, as AWS tells of it: who asks, what is allowed, how much of it."""
