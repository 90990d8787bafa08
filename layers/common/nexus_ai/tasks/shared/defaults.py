"""What each task does where a request does not say otherwise: one table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TaskDefaults:
    """`prompt_version` is part of the cache key and of the audit: it changes with every word of the instructions.

    `temperature` None leaves it to the model: some take none. How long an answer may be depends on what is asked for
    (a platform, a style, a number of texts) and stands there.
    """

    task: str
    prompt_version: str
    module: str = "marketing"
    temperature: float | None = None


GENERATE_COPY = TaskDefaults("generate-copy", prompt_version="2")
ANALYZE_SENTIMENT = TaskDefaults("analyze-sentiment", prompt_version="2")
GENERATE_SUMMARY = TaskDefaults("generate-summary", prompt_version="1")
TRANSLATE = TaskDefaults("translate", prompt_version="1")
