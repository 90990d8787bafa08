"""Commands for the operator, who has credentials for the AWS account."""
