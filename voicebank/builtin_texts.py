"""What the synthetic voices say in their reference clips: data only, each about eight to twelve seconds of speech."""

PLAIN = (
    "Good morning, and thank you for asking. The quick answer is yes, and the longer one takes a moment. "
    "We will look at the weather, the time and the news together."
)
LIVELY = (
    "Oh, look at that, the kite is flying over the whole garden! Can we run after it, please? "
    "I want to see how high it goes, and then we will eat strawberries by the river."
)
TALE = (
    "Long ago, when the hills were young, a fox and a raven shared one roof. "
    "They quarrelled every evening, and every morning they had forgotten why."
)
GRAVE = (
    "The council has made its choice, and the bridge will open at noon. "
    "Those who wish to cross should bring a lamp, a cloak and enough patience for the road."
)
CALM = (
    "The lake is quiet now, and the last boats have come home. "
    "Breathe slowly, let your shoulders fall, and listen to the water moving under the stars."
)
