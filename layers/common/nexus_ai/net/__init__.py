"""Infrastructure of our own: HTTP to AWS over libcurl, deadlines, and work side by side. README.md says why."""
