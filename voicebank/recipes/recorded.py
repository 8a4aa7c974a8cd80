"""Recorded voices that Debian packages carry: data only. Licences and speakers are as their copyright files name them."""

from vivavoce.core.voice import VoiceFacts
from vivavoce.voicebank.recipes.recipe import MadeVoice, Recorded

PROMPTS_CONSENT = "recorded as telephone prompts by the speaker and published under this licence"
SOUNDS = "usr/share/asterisk/sounds"
HEDGEHOGS = "usr/share/games/hedgewars/Data/Sounds/voices"


def _prompts(
    id: str,
    name: str,
    description: str,
    facts: VoiceFacts,
    recorded: Recorded,
    licence: str,
    speaker: str,
    transcript: str = "",
) -> MadeVoice:
    source = f"Debian package {recorded.package}, {recorded.folder.rpartition('/')[2]}: {', '.join(recorded.files)}"
    return MadeVoice(id, name, description, facts, recorded, licence, source, PROMPTS_CONSENT, speaker, transcript)


PHONE = (
    _prompts(
        "phone-allison",
        "Allison",
        "A real woman reads telephone prompts in American English: warm, clear and professional.",
        VoiceFacts("female", "adult", "american", "telephone, prompts, clear, professional"),
        Recorded(
            "asterisk-core-sounds-en-g722",
            f"{SOUNDS}/en_US_f_Allison",
            ("vm-nonumber.g722", "followme/sorry.g722", "ss-noservice.g722"),
        ),
        "CC-BY-SA-3.0",
        "allison-smith",
        "I'm afraid I don't know who sent this message. I'm sorry, but I was unable to locate the person you are calling. "
        "The number you have dialed is not in service. Please check the number and try again.",
    ),
    _prompts(
        "phone-june",
        "June",
        "A real woman reads telephone prompts in Canadian French: bright and friendly.",
        VoiceFacts("female", "adult", "canadian, quebec", "telephone, prompts, bright, friendly", language="fr-CA"),
        Recorded(
            "asterisk-core-sounds-fr-g722",
            f"{SOUNDS}/fr_CA_f_June",
            ("demo-thanks.g722", "pbx-invalid.g722", "vm-nobodyavail.g722"),
        ),
        "CC-BY-SA-3.0",
        "june-wallack",
        "Au revoir. Merci d'avoir essayé le projet libre Asterisk. Désolé, ce numéro de poste n'est pas valide. Veuillez "
        "essayer de nouveau. Personne n'est en mesure de prendre votre appel en ce moment.",
    ),
    _prompts(
        "phone-allison-mexico",
        "Allison Mexico",
        "The American voice actress Allison reads telephone prompts in Mexican Spanish: slow, warm and clear.",
        VoiceFacts("female", "adult", "mexican", "telephone, prompts, clear, slow", language="es-MX"),
        Recorded(
            "asterisk-core-sounds-es-g722",
            f"{SOUNDS}/es_MX_f_Allison",
            ("vm-nobodyavail.g722", "vm-whichbox.g722"),
        ),
        "CC-BY-SA-3.0",
        "allison-smith",
        "En este momento nadie está libre para responder a su llamada. Para dejar un mensaje por favor, "
        "entre un número de buzón.",
    ),
    _prompts(
        "phone-carlo",
        "Carlo",
        "A real man reads telephone prompts in Italian: a trained, confident voice, bright for a man.",
        VoiceFacts("male", "adult", "", "telephone, prompts, confident, trained", language="it-IT"),
        Recorded(
            "asterisk-core-sounds-it-g722",
            f"{SOUNDS}/it_IT_m_Carlo",
            ("auth-incorrect.g722", "vm-whichbox.g722", "followme/status.g722"),
        ),
        "CC-BY-SA-3.0",
        "carlo-flora",
        "Password errata. Prego digitare la password seguita dal tasto cancelletto. Per lasciare un messaggio, prego "
        "digitare un numero di casella di posta. La persona chiamata non è al suo tavolo, cercherò di trovarla.",
    ),
    _prompts(
        "phone-moscow",
        "Moscow Operator",
        "A real woman reads telephone prompts in Russian, correct and businesslike.",
        VoiceFacts("female", "adult", "", "telephone, prompts, businesslike", language="ru-RU"),
        Recorded(
            "asterisk-core-sounds-ru-g722",
            f"{SOUNDS}/ru_RU_f_IvrvoiceRU",
            ("ss-noservice.g722", "priv-introsaved.g722", "demo-nomatch.g722"),
        ),
        "CC-BY-3.0",
        "ivrvoice-ru",
        "Набранный вами номер отключён. Проверьте номер и повторите попытку. Спасибо. Оставайтесь на линии. Происходит "
        "соединение с абонентом. К сожалению, не найдено соответствие для этих ключевых слов.",
    ),
    _prompts(
        "phone-paola",
        "Paola",
        "A real woman reads telephone prompts in Italian over a telephone line: friendly, quick and at home.",
        VoiceFacts("female", "adult", "", "telephone, prompts, friendly, quick", language="it-IT"),
        Recorded(
            "asterisk-prompt-it-menardi-wav",
            f"{SOUNDS}/it_IT_f_Menardi",
            ("agent-newlocation.wav", "conf-getconfno.wav", "conf-onlyperson.wav", "confbridge-begin-glorious-a.wav"),
        ),
        "CC-BY-SA-3.0-IT (Marco Menardi and Paola Dal Zot, voip.ammdomus.it)",
        "paola-dal-zot",
    ),
    _prompts(
        "phone-paris",
        "Paris Operator",
        "A real woman reads telephone prompts in French over a telephone line: lively and polite.",
        VoiceFacts("female", "adult", "french", "telephone, prompts, lively, polite", language="fr-FR"),
        Recorded(
            "asterisk-prompt-fr-armelle",
            f"{SOUNDS}/fr",
            ("conf-getpin.gsm", "conf-onlyperson.gsm", "privacy-prompt.gsm", "vm-calldiffnum.gsm"),
        ),
        "BSD-2-clause with a no-endorsement clause (Michel Gutierrez)",
        "armelle-desjardins",
    ),
    _prompts(
        "phone-bogota",
        "Bogota Operator",
        "A real woman reads telephone prompts in Colombian Spanish over a telephone line: high and careful.",
        VoiceFacts("female", "adult", "colombian", "telephone, prompts, careful", language="es-CO"),
        Recorded(
            "asterisk-prompt-es-co",
            f"{SOUNDS}/es",
            ("auth-incorrect.gsm", "conf-getpin.gsm", "conf-onlyperson.gsm", "demo-thanks.gsm"),
        ),
        "GPL-2.0",
        "july-jimenez",
    ),
)

AUSTEN = MadeVoice(
    "austen-reader",
    "Austen Reader",
    "A real man reads a novel by Jane Austen in a very deep, calm voice.",
    VoiceFacts("male", "adult", "", "reader, audiobook narrator, calm"),
    Recorded(
        "pocketsphinx-testdata",
        "usr/share/pocketsphinx/test/data/librivox",
        ("sense_and_sensibility_01_austen_64kb-0870.wav", "sense_and_sensibility_01_austen_64kb-0920.wav"),
    ),
    "BSD-2-clause (Debian pocketsphinx-testdata); the reading itself is in the public domain",
    "Debian package pocketsphinx-testdata, LibriVox: Sense and Sensibility, chapter 1",
    "LibriVox volunteers dedicated their readings to the public domain",
    "librivox-austen",
    "And Mister John Dashwood had then leisure to consider how much there might be prudently in his power to do for them. "
    "Had he married a more amiable woman, he might have been made still more respectable than he was.",
)


def _hedgehog(pack: str, name: str, description: str, facts: VoiceFacts, *files: str) -> MadeVoice:
    return MadeVoice(
        f"hedgehog-{pack.lower().replace('_', '-')}",
        name,
        description,
        facts,
        Recorded("hedgewars-data", f"{HEDGEHOGS}/{pack}", tuple(f"{file}.ogg" for file in files)),
        "GFDL-1.3",
        f"Debian package hedgewars-data, voice pack {pack}: {', '.join(files)}",
        "contributed to the game Hedgewars by its authors under this licence",
        f"hedgewars-{pack.lower()}",
    )


COMMON = ("Youllregretthat", "Flyaway", "Nooo", "Illgetyou", "Boring", "Firstblood", "Enemydown", "Justyouwait", "Sameteam")
HEDGEHOG_PACKS = (
    _hedgehog(
        "British",
        "British Hedgehog",
        "A cartoon hedgehog with a British accent shouts short battle cries, high and squeaky.",
        VoiceFacts(accent="british", style="cartoon, game, shouting"),
        *COMMON,
    ),
    _hedgehog(
        "Classic",
        "Classic Hedgehog",
        "A fast cartoon hedgehog shouts very short battle cries, high and silly.",
        VoiceFacts(style="cartoon, game, fast, silly"),
        *COMMON,
        "Laugh",
        "Stupid",
        "Oops",
    ),
    _hedgehog(
        "Default",
        "Plain Hedgehog",
        "A cheeky cartoon hedgehog shouts short battle cries in English, high and squeaky.",
        VoiceFacts(style="cartoon, game, cheeky"),
        *COMMON,
        "Laugh",
    ),
    _hedgehog(
        "Default_es",
        "Spanish Hedgehog",
        "A cartoon hedgehog shouts short battle cries in Spanish, high and excited.",
        VoiceFacts(style="cartoon, game, excited", language="es"),
        "Youllregretthat",
        "Flyaway",
        "Nooo",
        "Illgetyou",
        "Boring",
        "Enemydown",
        "Missed",
        "Reinforcements",
    ),
    _hedgehog(
        "Default_pl",
        "Polish Hedgehog",
        "A cartoon hedgehog shouts short battle cries in Polish, high and squeaky.",
        VoiceFacts(style="cartoon, game, shouting", language="pl"),
        *COMMON,
        "Traitor",
        "Kamikaze",
    ),
    _hedgehog(
        "Default_ru",
        "Gruff Russian Hedgehog",
        "A hedgehog growls short battle cries in Russian in a very deep, gruff man's voice.",
        VoiceFacts("male", "", "", "game, gruff, growling", language="ru"),
        "Youllregretthat",
        "Nooo",
        "Illgetyou",
        "Boring",
        "Firstblood",
        "Enemydown",
        "Justyouwait",
        "Sameteam",
        "Victory",
        "Laugh",
        "Incoming",
        "Melon",
    ),
    _hedgehog(
        "Default_uk",
        "Ukrainian Hedgehog",
        "A cartoon hedgehog shouts short battle cries in Ukrainian, high and squeaky.",
        VoiceFacts(style="cartoon, game, shouting", language="uk"),
        *COMMON,
    ),
    _hedgehog(
        "HillBilly",
        "Hillbilly Hedgehog",
        "A cartoon hedgehog shouts battle cries with the drawl of a hillbilly from the American South.",
        VoiceFacts(accent="american, southern", style="cartoon, game, hillbilly, drawl"),
        "Youllregretthat",
        "Nooo",
        "Stupid",
        "Firstblood",
        "Hurry",
        "Reinforcements",
        "Takecover",
    ),
    _hedgehog(
        "Mobster",
        "Mobster Hedgehog",
        "A cartoon hedgehog plays a mafia mobster and threatens everybody, high and slow.",
        VoiceFacts(accent="american, italian", style="cartoon, game, mobster, gangster"),
        *COMMON,
    ),
    _hedgehog(
        "Pirate",
        "Pirate Hedgehog",
        "A cartoon hedgehog plays a pirate captain and shouts like a sailor, high and wild.",
        VoiceFacts(style="cartoon, game, pirate"),
        *COMMON,
    ),
    _hedgehog(
        "Robot",
        "Robot Hedgehog",
        "A small robot announces battle cries mechanically, rather high and flat.",
        VoiceFacts(style="robot, game, mechanical"),
        *COMMON,
        "Flawless",
        "Excellent",
    ),
    _hedgehog(
        "Russian",
        "Moscow Hedgehog",
        "A cartoon hedgehog shouts battle cries in English with a Russian accent, high and theatrical.",
        VoiceFacts(accent="russian", style="cartoon, game, theatrical"),
        *COMMON,
    ),
    _hedgehog(
        "Russian_pl",
        "Warsaw Hedgehog",
        "A cartoon hedgehog plays a Russian soldier who speaks Polish.",
        VoiceFacts(accent="russian", style="cartoon, game, soldier", language="pl"),
        *COMMON,
        "Yessir",
        "Victory",
    ),
    _hedgehog(
        "Singer",
        "Opera Hedgehog",
        "A cartoon hedgehog sings its battle cries slowly and very high, like an opera singer.",
        VoiceFacts(style="cartoon, game, singing, opera"),
        *COMMON,
    ),
    _hedgehog(
        "Surfer",
        "Surfer Hedgehog",
        "A cartoon hedgehog plays a laid-back Californian surfer from the beach, rather high.",
        VoiceFacts(accent="american, californian", style="cartoon, game, surfer"),
        "Youllregretthat",
        "Nooo",
        "Illgetyou",
        "Boring",
        "Firstblood",
        "Enemydown",
        "Justyouwait",
        "Cutitout",
        "Victory",
    ),
)

HUMAN_PACKS: tuple[MadeVoice, ...] = (*PHONE, AUSTEN, *HEDGEHOG_PACKS)
