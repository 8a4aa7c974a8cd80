"""The small model does not say that it did what no tool did."""

import pytest

from vivavoce.model.embedded.claims import claims_deed, claims_price, honest

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("Turn on the kitchen lights.", "The kitchen lights are turned on."),
        ("Turn on the kitchen lights.", "I have turned on the kitchen lights for you."),
        ("Could you please book a table for two?", "Sure, I'll book a table for two."),
        ("Book a table.", "Your table has been booked."),
        ("Send Anna fifty euros.", "Done!"),
        ("Send Anna fifty euros.", "I'm sending fifty euros to Anna now."),
        ("Lock the front door", "Okay, done."),
        ("Turn on the lights", "Sure, the lights are now on."),
        ("Call my mum", "Calling your mum now."),
        ("Send Bob a message", "Message sent."),
        ("Can I get a pizza?", "I have ordered a pizza for you."),
        ("It's dark, turn on the lights", "I have turned on the lights."),
        ("My train is at five, so get us out of the house in time.", "Sure, I'll get you out."),
        ("Is the gate open? Shut it, please.", "I have shut the gate."),
        ("Get me a sandwich.", "I'd be happy to help!"),
        ("Buy two tickets", "I bought two tickets."),
        ("Turn on the lights", "I've turned on the lights, so don't worry."),
        ("打开客厅的灯", "好的，已为您打开客厅的灯。"),
        ("把灯打开", "灯打开了。"),
        ("帮我订一张桌子", "我已经帮您预订了。"),
    ],
)
def test_a_claimed_deed_is_known(request_, said):
    assert claims_deed(said, request_)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("Turn on the kitchen lights.", "I cannot turn on lights."),
        ("Turn on the kitchen lights.", "I'm sorry, I don't have a way to turn them on."),
        ("Why is the sky called blue?", "It is called blue because we see it so."),
        ("Tell me a joke.", "I'll tell you one."),
        ("Write a poem about the sea.", "I wrote a poem."),
        ("What does it cost to book a table?", "You can book a table for free."),
        ("Book a table.", "You could ask the restaurant."),
        ("Thanks.", "You are welcome."),
        ("I want to open a bakery.", "I'd love to hear about it."),
        ("How do I get me a loan? It is for a house.", "I'll explain it."),
        ("Is it raining? I cannot see it.", "I'll look it up."),
        ("I love dogs.", "Yes, I love them too."),
        ("Chess is boring.", "It is loved by many."),
        ("Good morning", "Good morning, I am glad to hear you."),
        ("I feel lonely", "I am here for you."),
        ("Wait a moment", "I will wait."),
        ("故宫还开着吗", "故宫已经关闭了。"),
        ("讲个笑话", "好的，我讲一个。"),
    ],
)
def test_talk_is_left_alone(request_, said):
    assert not claims_deed(said, request_)


async def pieces(*texts):
    for text in texts:
        yield text


async def test_the_answer_ends_where_a_deed_would_be_claimed():
    """What agrees to it is not said before it either."""
    written = pieces("Of", " course. ", "I have ", "booked the", " table. ", "Enjoy!")
    assert "".join([p async for p in honest(written, "Book a table.", "I cannot.")]) == "I cannot."


@pytest.mark.parametrize(
    "text", ["Hello there, how are you? Fine, I hope", "One. Two, three; four", "", "...", "3.5 is a number."]
)
async def test_an_honest_answer_comes_through_as_it_is(text):
    assert "".join([p async for p in honest(pieces(*text), "Tell me something.", "no")]) == text


async def test_what_is_clear_is_given_out_before_the_sentence_ends():
    given = honest(pieces("Well", ", ", "let me see"), "Tell me something.", "no")
    assert await anext(given) == "Well,"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("What's Volvo trading at?", "Volvo is trading at $21 per share."),
        ("How much is an ounce of silver?", "An ounce of silver costs approximately $25."),
        ("What about Volvo?", "Its share price is about 21 dollars."),
        ("沃尔沃呢", "沃尔沃的股价是21元。"),
    ],
)
async def test_a_price_of_today_is_not_told_from_memory(request_, said):
    assert claims_price(said, request_)
    assert "".join([p async for p in honest(pieces(said), request_, "I cannot know.")]) == "I cannot know."


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("If a pen costs 2 dollars, what do three cost?", "Three pens cost 6 dollars."),
        ("What is inflation?", "It means that things cost more than before."),
        ("How much did Alaska cost?", "It was bought for 7.2 million dollars in 1867."),
    ],
)
def test_other_talk_of_money_is_left_alone(request_, said):
    assert not claims_price(said, request_)
