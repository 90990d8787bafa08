"""The one pipeline that every model call goes through."""
