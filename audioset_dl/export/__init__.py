"""What was downloaded, in the forms that other tools read."""
