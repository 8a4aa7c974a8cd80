"""What a provider's error means, on one line that says what to do and holds no secret."""

from collections.abc import Iterable, Iterator

from pydantic import BaseModel, SecretStr

from vivavoce.core.errors import ModelError

QUOTED_CHARS = 200
# Providers bring error classes of their own, and none is imported here: they are told by their names.
SLOW = {"APITimeoutError", "TimeoutException", "TimeoutError", "DeadlineExceeded"}
NO_EVENTS = "No generation chunks"  # what LangChain says of an answer without any event, such as a web page
DEAF = "leave off mind_hears, or choose a model that hears"
UNREACHED = {"APIConnectionError", "TransportError", "ConnectionError", "ServiceUnavailable"}


def explained(
    error: BaseException, mind: str, secrets: Iterable[str], *, has_begun: bool, has_sound: bool = False
) -> ModelError:
    """The error in our own terms.

    mind: what is told of whom. has_begun: a part of the answer had come. has_sound: the mind was asked with sound, which may
    be what it fails at.
    """
    why = quoted(error, secrets)
    status = next(filter(None, map(_status, _chain(error))), None)
    kinds = {kind.__name__ for one in _chain(error) for kind in type(one).__mro__}
    if status is not None:
        return ModelError(_told(status, mind, why, has_sound=has_sound))
    if kinds & SLOW:
        return ModelError(f"{mind} did not answer in time; it is stuck or overloaded, try again later")
    if kinds & UNREACHED:
        if has_begun:
            return ModelError(f"{mind} broke off its answer ({why}); ask again, or look at its log")
        return ModelError(f"{mind} cannot be reached ({why}); start it, or correct its address")
    if NO_EVENTS in str(error):
        return ModelError(f"{mind} sent nothing that is an answer; correct its address, most end in /v1")
    if isinstance(error, NotImplementedError):
        return ModelError(f"{mind} cannot call tools; choose a model that can, or give it none (only=[])")
    if has_sound and not has_begun:  # packages of providers that know no sound do not even send it
        return ModelError(f"{mind} failed at a request with sound ({why}); {DEAF}")
    return ModelError(f"{mind} failed ({why}); ask again, or choose another one")


def secrets_of(model: BaseModel) -> list[str]:
    """Keys that a chat model holds."""
    values = [getattr(model, name, None) for name in type(model).model_fields]
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr) and value.get_secret_value()]


def _told(status: int, mind: str, why: str, *, has_sound: bool) -> str:
    or_deaf = ", or leave off mind_hears" if has_sound else ""
    match status:
        case 401 | 403:  # what the server says may hold the key
            return f"{mind} refuses the key ({status}); set the right one as VIVAVOCE_MIND_API_KEY"
        case 404:
            return f"{mind} is not there (404: {why}); correct the model's name, or the address{or_deaf}"
        case 429:
            return f"{mind} was asked too often, or its quota is used up (429: {why}); try again later"
        case 400 | 413 | 415 | 422 if has_sound:
            return f"{mind} refused a request with sound ({status}: {why}); {DEAF}"
        case 400 | 413 | 422:
            return (
                f"{mind} refused the request ({status}: {why}); begin a new session, or choose a model that can call tools"
            )
        case _:
            return f"{mind} could not answer ({status}: {why}); try again later, or look at its log{or_deaf}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int | None:
    """The HTTP status that an error tells of."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "code"):
            status = getattr(holder, name, None)
            if isinstance(status, int) and 400 <= status < 600:
                return status
    return None


def quoted(error: BaseException, secrets: Iterable[str]) -> str:
    """The provider's words on one line, cut, and without secrets."""
    body = getattr(error, "body", None)
    told = body.get("message") if isinstance(body, dict) else None
    text = told if isinstance(told, str) and told.strip() else str(error).strip() or type(error).__name__
    for secret in secrets:
        text = text.replace(secret, "***")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= QUOTED_CHARS else line[:QUOTED_CHARS].rstrip() + "..."
