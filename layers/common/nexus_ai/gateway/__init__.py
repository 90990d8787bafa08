"""The pipeline that every model call runs through."""
