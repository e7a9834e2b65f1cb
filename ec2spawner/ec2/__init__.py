"""The only folder of the product that calls boto3."""
