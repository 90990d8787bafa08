"""Define the exceptions that end a run or one of its checks."""


class Refused(Exception):
    """Run that was refused before it changed anything. The message is one line for the operator."""


class CheckFailed(Exception):
    """Failed check of the deployment. The message explains the failure."""


class CheckSkipped(Exception):
    """Check that does not apply. The message is the reason."""


class Interrupted(Exception):
    """Run that a signal has ended."""
