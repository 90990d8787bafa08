"""The ways in which a run or one of its checks can end other than well."""


class Refused(Exception):
    """The run was refused before it changed anything. The message is one line for the operator."""


class CheckFailed(Exception):
    """The deployment does not do what it should. The message says so in plain words."""


class CheckSkipped(Exception):
    """A check does not apply. The message is the reason."""


class Interrupted(Exception):
    """A signal ended the run."""
