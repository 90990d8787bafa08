"""Read and write the chat completions format, which OpenAI defined and Groq and OpenRouter vary."""

import time
from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from local.providers.formats.base import (
    Completion,
    Counted,
    Json,
    Prompt,
    Provider,
    Request,
    Target,
    model_target,
    new_id,
)
from local.providers.schema_rules import check_openai_strict

_FINISH: Final = {"stop": "stop", "length": "length", "blocked": "content_filter"}

# Status, type and code of an error.
type ErrorRow = tuple[int, str, str | None]


class _Part(BaseModel):
    type: Literal["text"]
    text: str


class _Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part]

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class _NamedSchema(BaseModel):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    strict: bool | None = None


class _ResponseFormat(BaseModel):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _NamedSchema | None = None


class _Reasoning(BaseModel):
    effort: str | None = None


class _Preferences(BaseModel):
    require_parameters: bool = False


class ChatBody(BaseModel):
    """Fields that are read from a request. A streamed request is rejected, because streaming is not simulated.

    `reasoning_effort` belongs to OpenAI and Groq, `reasoning` and `provider` to OpenRouter.
    """

    model_config = ConfigDict(strict=True)

    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[_Message], Field(min_length=1)]
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    max_completion_tokens: Annotated[int, Field(gt=0)] | None = None
    response_format: _ResponseFormat | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: float | None = None
    logprobs: bool | None = None
    tools: list[dict[str, Any]] = []
    reasoning_effort: str | None = None
    reasoning: _Reasoning | None = None
    provider: _Preferences | None = None
    stream: Literal[False] | None = None


class ChatProvider(Provider):
    id_prefix: ClassVar[str] = "chatcmpl-"
    model_ids: ClassVar[tuple[str, ...]]
    owner: ClassVar[str]

    def target(self, method: str, path: str) -> Target:
        if method == "POST" and path == "/chat/completions":
            return Target("complete")
        return model_target(method, path)

    def read(self, request: Request) -> Prompt:
        body = ChatBody.model_validate_json(request.body)
        self.check(body)
        response_format = body.response_format
        if response_format and response_format.json_schema and response_format.json_schema.strict:
            check_openai_strict(response_format.json_schema.schema_)
        return Prompt(
            model=body.model,
            texts=tuple(message.text for message in body.messages),
            max_tokens=body.max_completion_tokens or body.max_tokens,
            schema=response_format.json_schema.schema_ if response_format and response_format.json_schema else None,
            any_json=response_format is not None and response_format.type == "json_object",
        )

    def check(self, body: ChatBody) -> None:
        """Raise Refused if the model does not accept one of the parameters."""

    def completion_body(self, prompt: Prompt, completion: Completion) -> Json:
        body: Json = {
            "id": f"{self.id_prefix}{new_id()}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": prompt.model,
            "choices": [self.choice(completion)],
            "system_fingerprint": "fp_simulated",
        }
        if completion.tokens is not None:
            body["usage"] = self.usage(completion.tokens)
        return body

    def choice(self, completion: Completion) -> Json:
        return {
            "index": 0,
            "message": {"role": "assistant", "content": completion.text},
            "logprobs": None,
            "finish_reason": _FINISH[completion.finish],
        }

    @abstractmethod
    def usage(self, tokens: Counted) -> Json: ...

    def models(self) -> Json:
        return {"object": "list", "data": [self.model(model) for model in self.model_ids]}

    def model(self, model: str) -> Json:
        return {"id": model, "object": "model", "created": 1_750_000_000, "owned_by": self.owner}
