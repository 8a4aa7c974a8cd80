"""Voices with a recipe: a file of them, whose mistakes have a place, and a bank that is filled with them."""

import json

import pytest
from support.fakes import LetterCounts, Spectrum
from support.voices import make_tone, voice

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ConfigError, ModelError
from vivavoce.core.voice import DEFAULT_VOICE_ID
from vivavoce.model.weights.catalogue import CATALOGUE
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.recipes.recipe import Cut, Spoken, build
from vivavoce.voicebank.recipes.voices import TEXTS, VOICES, builtin_voices, made_voices, read_voices

pytestmark = pytest.mark.unit
BUILTIN = builtin_voices()
SPOKEN = {
    "id": "elf",
    "name": "Elf",
    "description": "An elf.",
    "facts": {"gender": "female"},
    "spoken": {"text": "lively plain", "variation": {"pitch": 1.9}},
    "licence": "MIT",
    "source": "test",
}


@pytest.fixture
def bank(tmp_path):
    return FolderVoiceBank(tmp_path / "voices", LetterCounts(), Spectrum())


def without(field):
    return {name: value for name, value in SPOKEN.items() if name != field}


def test_every_made_voice_is_described_by_what_it_is():
    everybody = made_voices()
    assert len(everybody) >= 60
    assert everybody[0].id == DEFAULT_VOICE_ID
    assert everybody[: len(BUILTIN)] == BUILTIN
    assert len({made.id for made in everybody}) == len({made.name for made in everybody}) == len(everybody)
    assert len({made.facts.language.split("-")[0] for made in everybody}) >= 5
    for made in everybody:
        assert made.description and made.licence and made.source and len(made.name.split()) <= 3, made.id
        assert ("Synthetic" in made.description or made.id == "default") == made.recipe.synthetic, made.id
        if not made.recipe.synthetic:
            assert made.consent, made.id
        if isinstance(made.recipe, Cut):
            assert CATALOGUE[made.recipe.asset].kind == "clip", made.id


def test_every_text_is_spoken_by_somebody():
    rows = [json.loads(line) for line in VOICES.read_text("utf-8").splitlines()]
    texts = [row[kind]["text"].split() for row in rows for kind in ("spoken", "synthesised") if kind in row]
    assert {name for names in texts for name in names} == json.loads(TEXTS.read_text("utf-8")).keys()


def test_texts_stand_in_a_recipe_by_name(tmp_path):
    path = tmp_path / "voices.jsonl"
    path.write_text(json.dumps(SPOKEN) + "\n")
    [elf] = read_voices(path, TEXTS)
    said = json.loads(TEXTS.read_text("utf-8"))
    assert isinstance(elf.recipe, Spoken)
    assert elf.recipe.text == f"{said['lively']} {said['plain']}"
    assert (elf.recipe.variation.pitch, elf.recipe.variation.speed, elf.facts.language) == (1.9, 1.0, "en")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (SPOKEN, "id: an earlier line has 'elf'"),
        (SPOKEN | {"age": "old"}, "age: Extra inputs are not permitted"),
        (SPOKEN | {"facts": {"sex": "male"}}, r"facts\.sex: Unexpected keyword argument"),
        (without("licence"), "licence: Field required"),
        (SPOKEN | {"spoken": {"text": "plain"}}, r"spoken\.variation: Field required"),
        (SPOKEN | {"name": 7}, "name: Input should be a valid string"),
        (SPOKEN | {"cut": {"asset": "clip-a", "sections": [[1.0]]}}, r"cut\.sections\.0\.1: Field required"),
        (SPOKEN | {"cut": {"asset": "clip-a", "sections": []}}, "2 recipes instead of one of cut, spoken"),
        (without("spoken"), "0 recipes instead of one of cut, spoken"),
        (SPOKEN | {"spoken": {"text": "plain klingon", "variation": {}}}, "text: there is none called 'klingon'"),
        (SPOKEN | {"spoken": {"text": "", "variation": {}}}, "text: there is none called ''"),
        ("{", "the line: Invalid JSON"),
        ([], "the line: Input should be an object"),
    ],
)
def test_a_line_that_is_no_voice_is_named_with_what_is_wrong(tmp_path, line, why):
    path = tmp_path / "voices.jsonl"
    path.write_text(f"{json.dumps(SPOKEN)}\n{line if isinstance(line, str) else json.dumps(line)}\n")
    with pytest.raises(ConfigError, match=rf"^voices\.jsonl, line 2: {why}.*; correct it$") as caught:
        read_voices(path, TEXTS)
    assert "\n" not in str(caught.value)


def test_build_makes_every_voice_once(bank):
    seen: list[tuple[int, int, str]] = []
    report = build(bank, BUILTIN, make_tone, lambda *step: seen.append(step))
    assert len(report.added) == len(BUILTIN) >= 14
    assert seen[-1] == (len(BUILTIN), len(BUILTIN), "")
    assert sum(not record.synthetic for record in bank.entries()) >= 4
    assert bank.get("default").native == "hibari-tts/heart"
    assert bank.entry("whisper").acoustics.f0_hz is None
    again = build(bank, BUILTIN, make_tone)
    assert (again.added, len(again.kept)) == ((), len(BUILTIN))


def test_build_skips_what_cannot_be_made_and_keeps_a_users_voice(bank):
    def no_clip(recipe) -> AudioClip:
        if isinstance(recipe, Cut):
            raise ModelError(f"{recipe.asset} could not be fetched")
        return make_tone(recipe)

    bank.add(voice("robot", 99.0))
    report = build(bank, BUILTIN, no_clip)
    assert ("beckett-reader", "clip-beckett could not be fetched") in report.skipped
    assert "robot" in report.kept
    assert bank.get("robot").source == "test"
    assert "beckett-reader" in build(bank, BUILTIN, make_tone).added


def test_build_replaces_a_voice_of_an_older_recipe(bank):
    bank.add(voice("robot", 99.0, recipe="older"))
    assert "robot" in build(bank, BUILTIN, make_tone).added
    assert bank.get("robot").source != "test"
