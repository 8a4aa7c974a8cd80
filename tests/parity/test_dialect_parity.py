"""The reference's prompts, interleave and tool calls."""

import builtins
import re

import pytest
from parity.golden_numbers import about
from parity.server_template import ServerTemplate, reference_interleave
from parity.strict_parser import StrictParser

from vivavoce.core.messages import TextDelta, ToolCall
from vivavoce.model.step_audio2.dialect.chat_template import Sound, render_base, render_chat
from vivavoce.model.step_audio2.dialect.ta4 import SplitIds, Ta4Stream, interleave
from vivavoce.model.step_audio2.dialect.token_ids import NAMES, TokenIds
from vivavoce.model.step_audio2.network.features import mel_pieces

pytestmark = pytest.mark.models
IDS = TokenIds()
SPECIALS = {name: getattr(IDS, field) for field, name in NAMES.items()} | {"<tool_call>": 151_657, "</tool_call>": 151_658}
SPECIAL = re.compile("|".join(map(re.escape, SPECIALS)) + r"|<audio_\d+>")


def toy_tokenise(text):
    """The vocabulary of the golden file: a character is its code point, special tokens have their own ids."""
    ids, at = [], 0
    for match in SPECIAL.finditer(text):
        ids += map(ord, text[at : match.start()])
        name = match.group()
        ids.append(SPECIALS[name] if name in SPECIALS else IDS.audio_0 + int(name[7:-1]))
        at = match.end()
    return ids + [ord(c) for c in text[at:]]


def with_sounds(content, samples):
    if not isinstance(content, list):
        return content
    return [
        item | {"audio": [Sound(b"", piece.tokens) for piece in mel_pieces(samples(item["audio"]))]}
        if isinstance(item, dict) and item["type"] == "audio"
        else item
        for item in content
    ]


def as_text(piece):
    """A piece as the golden file writes it."""
    if isinstance(piece, tuple):
        return list(piece)
    patches = re.compile("(?:<audio_patch>)+")
    return patches.sub(lambda m: f"{{audio_patch x {m.group().count('>')}}}", str(piece))


def test_prompts_of_the_checkpoint():
    import numpy as np

    cases = about("g_chat_template")["hf"]
    assert cases
    for case in cases:

        def samples(name, case=case):
            return np.zeros(case["audio_samples"][name], dtype=np.float32)

        if case["base_model"]:
            pieces = render_base(with_sounds(case["messages"], samples))
        else:
            pieces = render_chat([m | {"content": with_sounds(m["content"], samples)} for m in case["messages"]])
        assert [as_text(piece) for piece in pieces] == case["pieces"], case["name"]
        sounds = [piece for piece in pieces if isinstance(piece, Sound)]
        assert [sound.tokens for sound in sounds] == case["n_patches"], case["name"]


def test_prompts_of_the_server():
    cases = about("g_chat_template")["vllm"]
    assert cases
    template = ServerTemplate(toy_tokenise, IDS)
    for case in cases:
        if case["error"]:
            with pytest.raises(getattr(builtins, case["error"].split(":")[0])):
                template.ids(case["request"])
            continue
        if case["rendered"] is not None:
            assert template.render(case["request"]) == case["rendered"], case["name"]
        if case["toy_ids"] is not None:
            assert template.ids(case["request"]) == case["toy_ids"], case["name"]


def split_whole(output, speaking):
    """A whole output taken apart, as the reference's server does when it does not stream."""
    if not speaking:
        return SplitIds(other=list(output))
    end = output.index(IDS.tts_end) if IDS.tts_end in output else len(output)
    split = Ta4Stream(IDS, speaking).push(output[:end])
    split.other.extend(i for i in output[end:] if i != IDS.tts_end)
    return split


def test_interleave_taken_apart():
    for case in about("h_ta4")["split"]:
        whole = [i for delta in case["delta_ids"] for i in delta]
        split, name = split_whole(whole, case["is_tts"]), case["name"]
        wanted = case["vllm_nonstreaming"]
        assert [split.text, split.audio, split.other] == [wanted["text_ids"], wanted["audio_ids"], wanted["other_ids"]], name
        stream = Ta4Stream(IDS, case["is_tts"])
        parts = [stream.push(delta) for delta in case["delta_ids"]]
        assert [[p.text, p.audio, p.other] for p in parts] == case["vllm_streaming"], name


def test_interleave_rebuilt():
    for case in about("h_ta4")["interleave"]:
        assert reference_interleave(case["text_ids"], case["audio_ids"], IDS) == case["result"]
        ours = interleave(case["text_ids"], case["audio_ids"], IDS)
        assert (len(ours) - 2) % 5 == 0
        split = Ta4Stream(IDS, speaking=True).push(ours[1:])
        sounds = [i for i in case["audio_ids"] if i != IDS.audio_pad]
        assert split.audio == sounds
        assert split.text == [i for i in case["text_ids"] if i not in (IDS.tts_pad, IDS.audio_pad)]


def read_calls(pieces, known):
    parser = StrictParser(known)
    deltas = [delta for piece in pieces for delta in parser.push(piece)] + parser.finish()
    text = "".join(d.text for d in deltas if isinstance(d, TextDelta))
    return text, [(d.name, d.arguments) for d in deltas if isinstance(d, ToolCall)]


def test_tool_calls_in_every_split_in_two():
    for case in about("g_tool_parser")["cases"]:
        want = case["nonstreaming"]
        calls = [(c["function"]["name"], c["function"]["arguments"]) for c in want["tool_calls"]]
        text = case["text"]
        for pieces in [case["deltas"], [text], list(text), *([text[:i], text[i:]] for i in range(len(text)))]:
            assert read_calls(pieces, case["known_tools"] or ()) == (want["content"] or "", calls), case["name"]
