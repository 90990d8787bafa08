"""HTTP to AWS over libcurl, HTTP to providers, deadlines and concurrency. README.md gives the reasons."""
