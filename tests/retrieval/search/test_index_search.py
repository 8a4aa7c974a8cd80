"""How passages are ranked, one thing at a time; recall of a large index; models that embed and rank again."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.crash_worker import without_syncing
from support.fakes import assert_one_line, folder_in_memory
from support.small_index import document
from support.word_embedder import WordEmbedder
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

from vivavoce.core.errors import ModelError
from vivavoce.retrieval.embedder import MiniLMEmbedder, SentenceTransformerEmbedder
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.search import ranking as search
from vivavoce.retrieval.search.answerability import Evidence, answerability
from vivavoce.retrieval.search.ranking import PassageFilters, SearchOptions
from vivavoce.retrieval.search.reranker import CrossEncoderReranker
from vivavoce.retrieval.words import lexemes
from vivavoce.vectors.faiss_index import FaissIndexes

pytestmark = pytest.mark.models
LEXICAL = SearchOptions(mode="lexical")
DENSE = SearchOptions(mode="dense", distinct=False)
PASSAGES, PER_DOCUMENT, D, KINDS = 30_000, 100, 48, 1_500
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{n}" for n in range(300)), "gold", "lead", "tin", "?"]


@pytest.fixture
def tmp_path(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    without_syncing(monkeypatch)


@pytest.fixture
def indexed(tmp_path):
    """An index of texts, each a document; found by words alone where no embedder is given."""

    def index_of(texts, embedder=None, **options):
        index = DocumentIndex(tmp_path / "index", embedder, **options)
        index.put({name: document("", text) for name, text in texts.items()})
        return index

    return index_of


def sources(index, query, k=50, options=LEXICAL):
    return [passage.source for passage in index.find(query, k, options)]


class Told:
    """An embedder that was told every vector, by a word of the text."""

    id, dimension = "told-1", 4

    def __init__(self, **cosines):
        self.cosines = cosines

    def embed(self, texts):
        """A text lies as close to the query as its word says."""
        cosines = [next((c for word, c in self.cosines.items() if word in text), 1.0) for text in texts]
        return np.array([[c, np.sqrt(1.0 - c * c), 0.0, 0.0] for c in cosines], np.float32)


def test_a_rare_word_tells_more_than_common_ones(indexed):
    fillers = {f"filler-{n}": f"garden tools for the shed number{n}" for n in range(30)}
    index = indexed({"common": "garden tools for gardens", "rare": "a trellis stands here", **fillers})
    assert sources(index, "garden tools trellis")[0] == "rare"
    assert len(sources(index, "garden tools trellis")) == 32


def test_a_word_said_often_saturates_and_a_long_passage_is_worth_less(indexed):
    filling = " ".join(f"filling{n}" for n in range(60))
    index = indexed({"often": "anchor " * 12, "both": "anchor chain", "long": f"anchor chain {filling}", "none": filling})
    assert sources(index, "anchor chain")[0] == "both"
    assert sources(index, "chain") == ["both", "long"]


def test_words_that_stand_together_win_over_the_same_words_apart(indexed):
    texts = {"apart": "water that is hot keeps the house dry", "together": "the hot water is that keeps dry house"}
    for order in (texts, dict(reversed(texts.items()))):
        assert sources(indexed(order), "hot water")[0] == "together"


def test_forms_of_a_word_are_one(indexed):
    index = indexed({"one": "Opening hours: the library opens at nine.", "other": "Fines are due at once."})
    assert sources(index, "when does it open") == ["one"]
    assert sources(index, "OPENED?") == ["one"]


def test_chinese_is_compared_by_pairs_of_characters(indexed):
    texts = {"library": "图书馆每周一闭馆。", "map": "图上有馆和书。", "metro": "地铁单程票当日有效。"}
    index = indexed(texts)
    assert sources(index, "图书馆什么时候闭馆？")[0] == "library"
    assert sources(index, "图书馆") == ["library"]  # the other has its characters, but no two of them in a row
    assert sources(index, "单程") == ["metro"]
    assert lexemes("图书馆2024年") == ["图书", "书馆", "2024", "年"]


def test_accents_and_cases_do_not_matter_but_scripts_do(indexed):
    texts = {"cafe": "Le Café Crème ouvre à huit heures.", "street": "Die Straße ist gesperrt.", "museum": "Музей закрыт."}
    index = indexed(texts)
    assert sources(index, "cafe creme") == ["cafe"]
    assert sources(index, "музей") == ["museum"]
    assert sources(index, "STRAßE") == ["street"]


@pytest.mark.parametrize(
    "query", ["", " ", "the of", "?!", "\x00", '"', 'a" OR "b', "NEAR(a b)", "*", "word:x", "-b", "\udc80 b"]
)
def test_queries_that_are_no_words_or_look_like_a_query_language(indexed, query):
    index = indexed({"one": "anchor", "two": "b"}, WordEmbedder())
    assert sources(index, query) == (["two"] if "b" in query else [])
    assert len(sources(index, query, options=SearchOptions())) == (2 if query.strip() else 0)


def test_fusion_by_scores_and_by_ranks(indexed):
    """One is closest and lacks the words, the other is second in meaning, far behind, and has them."""
    texts = {
        "close": "nearest",
        "worded": "second harbour",
        "third": "third harbour beside much else",
        "last": "last harbour",
    }
    index = indexed(texts, Told(nearest=0.99, second=0.2, third=0.1, last=0.0))

    def order(**options):
        return sources(index, "harbour", options=SearchOptions(distinct=False, **options))

    assert order(mode="dense") == ["close", "worded", "third", "last"]
    assert order(mode="lexical") == ["worded", "last", "third"]
    assert order(fusion="scores") == ["close", "worded", "last", "third"]
    assert order(fusion="ranks") == ["worded", "close", "last", "third"]


def test_fusion_by_ranks_does_not_care_where_cosines_lie(indexed):
    texts = {"a": "alpha harbour boat", "b": "beta harbour", "c": "gamma boat", "d": "delta"}
    orders = []
    for squeeze in (1.0, 0.01):
        cosines = {word: 0.8 + squeeze * c for word, c in {"alpha": 0.1, "beta": 0.0, "gamma": 0.19, "delta": 0.15}.items()}
        index = indexed(texts, Told(**cosines))
        index.store.close()
        orders.append(sources(index, "harbour boat", options=SearchOptions(fusion="ranks", distinct=False)))
    assert orders[0] == orders[1]
    assert len(orders[0]) == 4


def test_where_postings_are_many_the_rarest_words_choose_and_all_words_rank(indexed, monkeypatch):
    texts = {f"common-{n}": f"harbour note {n}" for n in range(20)}
    texts |= {"rare": "lighthouse", "both": "harbour lighthouse", "other": "lighthouse keeper"}
    index = indexed(texts)
    assert len(sources(index, "harbour lighthouse")) == 23
    monkeypatch.setattr(search, "POSTINGS", 3)
    assert sources(index, "harbour lighthouse")[0] == "both"
    assert set(sources(index, "harbour lighthouse")) == {"rare", "both", "other"}
    assert len(sources(index, "harbour")) == 21  # one word at least is followed to its end


def test_postings_outside_of_a_filter_do_not_count(indexed, monkeypatch):
    texts = {f"in/{n}": f"harbour note {n}" for n in range(5)} | {f"out/{n}": "lighthouse" for n in range(5)}
    index = indexed(texts)
    monkeypatch.setattr(search, "POSTINGS", 3)
    only = SearchOptions(mode="lexical", filters=PassageFilters("in/*"))
    assert sources(index, "harbour lighthouse", options=only) == [f"in/{n}" for n in range(5)]


def test_more_hits_than_candidates_may_be_asked_for(indexed):
    index = indexed({f"d{n}": f"harbour {n} note" for n in range(150)}, WordEmbedder())
    for mode in ("hybrid", "dense", "lexical"):
        options = SearchOptions(mode=mode, distinct=False)
        assert len(sources(index, "harbour", 120, options)) == 120
        assert len(sources(index, "harbour", 1_000, options)) == 150


def test_the_beginning_of_a_long_question_counts(indexed):
    index = indexed({"first": "lighthouse", "late": "trellis"})
    words = [f"w{n}" for n in range(search.MOST_WORDS)]
    assert sources(index, " ".join(["lighthouse", *words, "trellis"])) == ["first"]


finite = st.floats(-1.0, 1.0)


@given(finite, finite, st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 2.0))
def test_a_score_lies_between_0_and_1_and_grows_with_what_speaks_for_a_passage(cosine, other, covered, uncovered, absent):
    low, high = sorted((cosine, other))
    less, more = sorted((covered, uncovered))
    scores = [answerability(Evidence(low, less, absent)), answerability(Evidence(high, more, absent))]
    assert 0.0 <= scores[0] <= scores[1] <= 1.0
    assert answerability(Evidence(low, less, 0.0)) >= scores[0]


def test_a_passage_that_answers_scores_higher_than_the_nearest_to_a_question_that_nothing_answers(indexed):
    index = indexed({"one": "The museum opens at nine.", "two": "Tickets cost twelve euros."}, WordEmbedder())
    answered = index.find("When does the museum open?", 1)[0].score
    unanswered = index.find("Who founded the Zanzibar orchestra?", 1)[0].score
    assert 0.0 <= unanswered < answered <= 1.0


class MadeUp:
    """Vectors of passages by their number: of many kinds, each with variations, around a common mean."""

    id, dimension = "made-up-1", D

    def __init__(self):
        rng = np.random.default_rng(0)
        kinds = rng.normal(size=(KINDS, D)) + 0.5
        near = kinds[rng.integers(0, KINDS, PASSAGES)] + rng.normal(0.0, 0.4, (PASSAGES, D))
        self.vectors = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
        asked = self.vectors[::600] + rng.normal(0.0, 0.05, (PASSAGES // 600, D)).astype(np.float32)
        self.asked = asked / np.linalg.norm(asked, axis=1, keepdims=True)

    def embed(self, texts):
        last = [text.split()[-1] for text in texts]
        return np.stack([self.asked[int(word[1:])] if word[0] == "q" else self.vectors[int(word)] for word in last])


def test_an_index_of_many_passages_finds_what_a_comparison_of_all_finds(tmp_path):
    embedder, indexes = MadeUp(), FaissIndexes()
    index = DocumentIndex(tmp_path / "index", embedder, large=indexes)
    firsts = range(0, PASSAGES, PER_DOCUMENT)
    pages = {f"{n // PER_DOCUMENT:03d}": document("Made up", *map(str, range(n, n + PER_DOCUMENT))) for n in firsts}
    index.put(pages)
    sealed = index.store.view().manifest.indexes["passage"]
    assert indexes.exact_rows < sealed.rows <= len(index) == PASSAGES
    exact = DocumentIndex(tmp_path / "index", embedder)
    half = PassageFilters("??[02468]")
    for filters, gone in ((None, ()), (half, ()), (None, ("000", "100", "299"))):
        for name in gone:
            index.remove(name)
        options = replace(DENSE, filters=filters)
        shares = []
        for number in range(len(embedder.asked)):
            found, wanted = (one.find(f"q{number}", 10, options) for one in (index, exact))
            assert not {passage.source for passage in found} & set(gone)
            assert filters is None or all(int(passage.source) % 2 == 0 for passage in found)
            shares.append(len(set(found) & set(wanted)) / len(wanted))
        assert np.mean(shares) >= 0.95


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory):
    """A folder with a tiny cross-encoder of random weights, as transformers writes them."""
    folder = tmp_path_factory.mktemp("models") / "tiny-cross-encoder"
    torch.manual_seed(0)
    model = BertForSequenceClassification(tiny(num_labels=1))
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(20.0)  # so that scores lie apart
    model.save_pretrained(folder)
    tokenizer_in(folder)
    return folder


def tiny(**options):
    return BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        **options,
    )


def tokenizer_in(folder):
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"))
    tokenizer.save_pretrained(folder)
    return tokenizer


def scored_alone(folder, query, texts):
    """What transformers says, one pair at a time."""
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    model = BertForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        return [float(model(**tokenizer(query, text, return_tensors="pt")).logits[0, 0]) for text in texts]


def test_a_cross_encoder_puts_the_best_candidates_into_its_own_order(indexed, cross_encoder):
    rng = np.random.default_rng(1)
    texts = {f"d{n}": f"gold {' '.join(f'word{i}' for i in rng.integers(0, 300, 6))}" for n in range(8)}
    index = indexed(texts, WordEmbedder(), reranker=CrossEncoderReranker(str(cross_encoder), threads=1))
    scores = dict(zip(texts, scored_alone(cross_encoder, "gold word7 ?", list(texts.values())), strict=True))
    assert len({round(score, 3) for score in scores.values()}) == len(texts)
    plain = sources(index, "gold word7 ?", options=SearchOptions(rerank=False))
    reranked = sources(index, "gold word7 ?", options=SearchOptions())
    assert reranked == sorted(texts, key=lambda name: -scores[name])
    assert plain != reranked
    assert sorted(plain) == sorted(reranked)


def test_what_a_reranker_does_not_read_stays_behind_what_it_reads(indexed, monkeypatch):
    class Backwards:
        def score(self, query, texts):
            read.append((query, list(texts)))
            return np.arange(len(texts), dtype=np.float32)

    read = []
    index = indexed({f"d{n}": f"harbour {'boat ' * n}" for n in range(8)}, reranker=Backwards())
    plain = sources(index, "harbour boat", options=replace(LEXICAL, rerank=False, distinct=False))
    monkeypatch.setattr(search, "RERANKED", 3)
    found = sources(index, "harbour boat", options=replace(LEXICAL, distinct=False))
    assert found == [*reversed(plain[:3]), *plain[3:]]
    assert [(query, len(texts)) for query, texts in read] == [("harbour boat", 3)]


@pytest.mark.parametrize("model", [CrossEncoderReranker, SentenceTransformerEmbedder])
@pytest.mark.parametrize("kind", ["missing", "empty", "damaged"])
def test_a_model_that_cannot_be_loaded_is_one_line(tmp_path, cross_encoder, model, kind):
    folder = tmp_path / "model"
    if kind != "missing":
        folder.mkdir()
    if kind == "damaged":
        for path in cross_encoder.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        (folder / "model.safetensors").write_bytes(b"\xff" * 64)
    opened = model(str(folder), threads=1)
    with pytest.raises(ModelError) as refused:
        opened.score("gold", ["lead"]) if model is CrossEncoderReranker else opened.embed(["gold"])
    assert_one_line(refused.value, "cannot be loaded", str(folder), "name another one")


@pytest.mark.parametrize("model", [CrossEncoderReranker, SentenceTransformerEmbedder])
def test_pickled_weights_are_not_loaded(tmp_path, cross_encoder, model):
    for path in cross_encoder.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.save(BertForSequenceClassification(tiny(num_labels=1)).state_dict(), tmp_path / "pytorch_model.bin")
    opened = model(str(tmp_path), threads=1)
    with pytest.raises(ModelError) as refused:
        opened.score("gold", ["lead"]) if model is CrossEncoderReranker else opened.embed(["gold"])
    assert_one_line(refused.value, "cannot be loaded")


@pytest.fixture(scope="module")
def sentence_transformer(tmp_path_factory):
    """A folder as sentence-transformers writes it: a tiny encoder and the mean of its states."""
    folder = tmp_path_factory.mktemp("models") / "tiny-sentences"
    folder.mkdir()
    torch.manual_seed(0)
    BertModel(tiny()).save_pretrained(folder)
    tokenizer_in(folder)
    pooling = {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True}
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 32, "do_lower_case": False}))
    return folder


def test_another_embedder_by_its_folder(indexed, sentence_transformer):
    embedder = SentenceTransformerEmbedder(str(sentence_transformer), threads=1)
    assert (embedder.id, embedder.dimension) == ("tiny-sentences", 16)
    texts = ["gold word1", "lead word2 word3", ""]
    vectors = embedder.embed(texts)
    assert (vectors.dtype, vectors.shape) == (np.float32, (3, 16))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    tokenizer = BertTokenizerFast.from_pretrained(sentence_transformer)
    model = BertModel.from_pretrained(sentence_transformer).eval()
    for text, vector in zip(texts, vectors, strict=True):
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0).numpy()
        assert np.allclose(vector, states / np.linalg.norm(states), atol=1e-4)
    assert embedder.count_tokens("gold word1 unknown?") == 4
    index = indexed({"a": "gold word1", "b": "lead word2"}, embedder, count=embedder.count_tokens)
    assert sources(index, "gold word1", 1, SearchOptions(mode="dense")) == ["a"]


def test_minilm_counts_tokens_without_its_marks_and_beyond_its_limit():
    embedder = MiniLMEmbedder(threads=1)
    assert embedder.count_tokens("") == 0
    assert embedder.count_tokens("hello world") == 2
    assert embedder.count_tokens("hello " * 1_000) == 1_000
    assert embedder.count_tokens("图书馆") == 3
    assert embedder.count_tokens("unbelievable") < embedder.count_tokens("unbelievable!")
