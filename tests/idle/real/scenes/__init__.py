"""What people do, each labelled by what a reasonable colleague would do."""
