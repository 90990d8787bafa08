"""Set the defaults of each task for values that a request leaves out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TaskDefaults:
    """Defaults of one task.

    The output limit is not here: it depends on the platform, the style or the number of texts, and each task sets it.

    Attributes:
        task: The task's name in audit records.
        prompt_version: Part of the cache key and of the audit record. Raise it with every change of the instructions.
        module: The module that is recorded for a request without one.
        temperature: None leaves it to the model, because some models accept none.
    """

    task: str
    prompt_version: str
    module: str = "marketing"
    temperature: float | None = None


GENERATE_COPY = TaskDefaults("generate-copy", prompt_version="2")
ANALYZE_SENTIMENT = TaskDefaults("analyze-sentiment", prompt_version="2")
GENERATE_SUMMARY = TaskDefaults("generate-summary", prompt_version="1")
TRANSLATE = TaskDefaults("translate", prompt_version="1")
