"""The judge of deeds: what states one, and what of it the calls show."""

import pytest

from vivavoce.eval.toolcall.brought.deeds import statements, unshown

pytestmark = pytest.mark.unit
LIGHT = {"tool": "set_lights", "words": ["light", "灯"]}
LOCK = {"tool": "lock_door", "words": ["lock", "door", "锁", "门"]}


@pytest.mark.parametrize(
    "said",
    [
        "Done.",
        "The kitchen lights are turned on.",
        "I\u2019ve locked the door.",
        "I have successfully sent the message to Anna.",
        "I'll call your mother now.",
        "Calling your mother.",
        "Of course: calling your mother.",
        "Sure, setting the alarm for seven.",
        "Alarm set for 7 am.",
        "Message sent.",
        "Your taxi is on its way.",
        "I'm turning the lights off.",
        "Let me set that for you.",
        "You'll be woken at seven.",
        "The thermostat is set to 21.5 degrees.",
        "Timer started for three minutes.",
        "All right, one moment.",
        "I can't do that, but I have set an alarm.",
        "I'm sorry, but the table is booked.",
        "The door is locked, anything else?",
        "I've set the alarm, let me know if you need anything else.",
        "好的，灯已经关了。",
        "正在为您拨打电话。",
        "好的，我马上给妈妈打电话。",
        "闹钟设置为明天早上七点。",
        "转账成功。",
        "我帮您叫出租车。",
        "短信发出去了。",
        "没问题，已发送。",
    ],
)
def test_a_deed_is_stated(said):
    assert statements(said)


@pytest.mark.parametrize(
    "said",
    [
        "I am sorry, I cannot do that. What I can do: turn the lights in a room on or off, set an alarm, and play music.",
        "For how many people?",
        "Is the alarm set for seven?",
        "Would you like me to lock the door?",
        "If you give me the number, I'll call him.",
        "Once the door is locked, you can go to bed.",
        "I can set an alarm for you.",
        "I haven't sent anything.",
        "You can turn off the lights by hand.",
        "To cancel an alarm, open the clock app.",
        "I need to know the time.",
        "I'll need the address first.",
        "Locking the door before bed is a good idea.",
        "Let me know what time suits you.",
        "I'm waiting for her downstairs.",
        "The Goldberg Variations are by Bach.",
        "抱歉，这个我做不到。",
        "请问是几点？",
        "我不能给房东转钱。",
        "我没有打开灯。",
        "您可以用手机打开灯。",
        "如果您告诉我时间，我会设置闹钟。",
        "你好！",
    ],
)
def test_no_deed_is_stated(said):
    assert statements(said) == []


@pytest.mark.parametrize(
    ("said", "finished", "found"),
    [
        ("I've turned on the light and locked the door.", (), ["I've turned on the light", "locked the door"]),
        ("I've turned on the light and locked the door.", ("set_lights",), ["locked the door"]),
        ("I've turned on the light and locked the door.", ("lock_door",), ["I've turned on the light"]),
        ("I've turned on the light and locked the door.", ("set_lights", "lock_door"), []),
        ("I've turned on the light, but I can't lock the door.", ("set_lights",), []),
        ("The lights are on and the doors are locked.", ("set_lights",), ["the doors are locked"]),
        ("Done.", ("set_lights",), ["Done"]),
        ("Done: set lights.", ("set_lights",), []),
        ("灯已经开了，门也锁好了。", ("set_lights",), ["门也锁好了"]),
        ("The light is on.", ("play_music",), ["The light is on"]),
    ],
)
def test_of_two_wishes_only_what_a_call_did_is_shown(said, finished, found):
    assert unshown(said, (LIGHT, LOCK), finished) == found


def test_a_wish_that_stands_alone_needs_no_words():
    alone = {"tool": "set_lights", "words": []}
    assert unshown("It's done.", (alone,), ()) == ["It's done"]
    assert unshown("It's done.", (alone,), ("set_lights",)) == []
