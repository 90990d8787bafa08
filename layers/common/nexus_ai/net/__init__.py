"""HTTP to AWS over libcurl, deadlines and concurrency. README.md gives the reasons."""
