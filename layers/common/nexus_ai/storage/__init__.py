"""DynamoDB, KMS and S3: the only package that speaks to AWS."""
