"""Commands of the operator, who has credentials of the AWS account."""
