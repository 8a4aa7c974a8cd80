"""A provider's error is one line that says what to do, and holds no secret."""

import httpx
import pytest
from langchain_openai import ChatOpenAI

from vivavoce.core.errors import ModelError
from vivavoce.model.mind.failures import explained, secrets_of

pytestmark = pytest.mark.unit
KEY = "sk-a-secret"


class Refused(Exception):
    def __init__(self, status, told="no", field="status_code"):
        super().__init__(told)
        setattr(self, field, status)


class Wrapped(Exception):
    pass


def line(error, **about):
    found = explained(error, "the mind", [KEY], **{"has_begun": False} | about)
    assert isinstance(found, ModelError)
    assert "\n" not in str(found)
    assert KEY not in str(found)
    return str(found)


def caused(cause):
    try:
        try:
            raise cause
        except Exception as error:
            raise Wrapped from error
    except Wrapped as error:
        return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Refused(401, f"wrong {KEY}"), "the mind refuses the key (401); set the right one"),
        (Refused(403), "refuses the key"),
        (Refused(404, "no such model"), "(404: no such model); correct the model's name"),
        (Refused(429, "slow down"), "(429: slow down); try again later"),
        (Refused(400, f"sent\n{KEY} here"), "(400: sent *** here); begin a new session"),
        (Refused(503, "x" * 1000), "x...); try again later"),
        (Refused(404, field="code"), "(404: no)"),
        (caused(Refused(429)), "(429"),
        (caused(httpx.ConnectError("refused")), "cannot be reached"),
        (ConnectionRefusedError("refused"), "cannot be reached"),
        (httpx.ReadTimeout(""), "did not answer in time"),
        (TimeoutError(), "did not answer in time"),
        (NotImplementedError(), "cannot call tools"),
        (ValueError(""), "failed (ValueError)"),
        (Refused("odd", "well"), "failed (well)"),
    ],
)
def test_what_an_error_means(error, told):
    assert told in line(error)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Refused(400, "no audio"), "refused a request with sound (400: no audio); leave off mind_hears, or choose"),
        (Refused(415), "leave off mind_hears"),
        (Refused(404, "no such model"), "correct the model's name, or the address, or leave off mind_hears"),
        (Refused(500, "no audio"), "or look at its log, or leave off mind_hears"),
        (ValueError("audio is not supported"), "failed at a request with sound (audio is not supported); leave off"),
    ],
)
def test_where_sound_was_sent_it_may_be_what_the_mind_fails_at(error, told):
    assert told in line(error, has_sound=True)
    assert "mind_hears" not in line(error)


@pytest.mark.parametrize("error", [Refused(401), Refused(429), TimeoutError(), httpx.ConnectError("refused")])
def test_what_sound_has_no_part_in_is_told_as_ever(error):
    assert line(error, has_sound=True) == line(error)


def test_a_stream_that_ends_amid_an_answer_is_told_so():
    assert "broke off its answer" in line(httpx.RemoteProtocolError("peer closed"), has_begun=True)


def test_the_keys_of_a_model_are_its_secrets():
    assert secrets_of(ChatOpenAI(model="m", api_key=KEY)) == [KEY]
