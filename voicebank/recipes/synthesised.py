"""Voices of free synthesizers: data only. Each engine is used where it is installed, else from its Debian packages."""

from vivavoce.core.voice import VoiceFacts
from vivavoce.voicebank.recipes.recipe import MadeVoice, Synthesised
from vivavoce.voicebank.recipes.spoken_texts import CALM, GRAVE, LIVELY, PLAIN, SAID, TALE

ESPEAK_LICENCE = "GPL-3.0 (eSpeak NG); its output is free to use"
FLITE_LICENCE = "BSD-like (CMU Flite)"
# Festival's Indian voices take settings over from its default voice.
DEFAULT_VOICE = ("festvox-kallpc16k", "festlex-cmu", "festlex-poslex")
FLITE_CONSENT = "recorded by researchers for free speech synthesis (CMU Arctic)"


def _espeak(id: str, name: str, description: str, facts: VoiceFacts, voice: str, *options: str, text: str = "") -> MadeVoice:
    said = text or SAID[facts.language.split("-")[0]]
    recipe = Synthesised("espeak-ng", voice, said, options)
    source = f"synthesised: eSpeak NG, voice {voice}" + (f" ({' '.join(options)})" if options else "")
    return MadeVoice(id, name, description, facts, recipe, ESPEAK_LICENCE, source)


def _flite(id: str, name: str, description: str, facts: VoiceFacts, voice: str, text: str) -> MadeVoice:
    recipe = Synthesised("flite", voice, text)
    return MadeVoice(
        id, name, description, facts, recipe, FLITE_LICENCE, f"synthesised: Flite, voice {voice}", FLITE_CONSENT
    )


def _festival(id: str, name: str, description: str, facts: VoiceFacts, recipe: Synthesised, licence: str) -> MadeVoice:
    source = f"synthesised: Festival, voice {recipe.voice} (Debian package {recipe.packages[0]})"
    return MadeVoice(id, name, description, facts, recipe, licence, source)


FLITE = (
    _flite(
        "flite-slt",
        "Clara",
        "A grown American woman reads evenly, a little mechanically. Synthetic, from a real speaker.",
        VoiceFacts("female", "adult", "american", "even, reader"),
        "slt",
        PLAIN,
    ),
    _flite(
        "flite-rms",
        "Ross",
        "A grown American man with a deep, calm and serious voice. Synthetic, from a real speaker.",
        VoiceFacts("male", "adult", "american", "calm, serious"),
        "rms",
        GRAVE,
    ),
    _flite(
        "flite-awb",
        "Alan",
        "A grown man with a soft Scottish accent. Synthetic, from a real speaker.",
        VoiceFacts("male", "adult", "scottish", "soft", language="en-GB"),
        "awb",
        TALE,
    ),
    _flite(
        "flite-kal",
        "Kevin",
        "A buzzing American computer man, like an early talking machine. Synthetic.",
        VoiceFacts("male", "adult", "american", "computer, mechanical, robot"),
        "kal16",
        PLAIN,
    ),
)

FESTIVAL = (
    _festival(
        "festival-lp",
        "Lucia",
        "An Italian woman speaks slowly and evenly. Synthetic.",
        VoiceFacts("female", "adult", "", "even, slow", language="it-IT"),
        Synthesised("festival", "lp_diphone", SAID["it"], (), ("festvox-italp16k", "festlex-ifd"), "iso-8859-15"),
        "GPL-2.0 (ISTC-SPFD CNR)",
    ),
    _festival(
        "festival-pc",
        "Paolo",
        "An Italian man speaks evenly. Synthetic.",
        VoiceFacts("male", "adult", "", "even", language="it-IT"),
        Synthesised("festival", "pc_diphone", SAID["it"], (), ("festvox-itapc16k", "festlex-ifd"), "iso-8859-15"),
        "GPL-2.0 (ISTC-SPFD CNR)",
    ),
    _festival(
        "festival-lj",
        "Liisa",
        "A Finnish woman with a rather deep, clear voice. Synthetic.",
        VoiceFacts("female", "adult", "", "clear", language="fi-FI"),
        Synthesised(
            "festival", "suo_fi_lj_diphone", SAID["fi"], (), ("festvox-suopuhe-lj", "festvox-suopuhe-common"), "iso-8859-15"
        ),
        "LGPL-2.1 (University of Helsinki)",
    ),
    _festival(
        "festival-mv",
        "Martti",
        "A Finnish man with a very deep, even voice. Synthetic.",
        VoiceFacts("male", "adult", "", "even", language="fi-FI"),
        Synthesised(
            "festival", "hy_fi_mv_diphone", SAID["fi"], (), ("festvox-suopuhe-mv", "festvox-suopuhe-common"), "iso-8859-15"
        ),
        "LGPL-2.1 (University of Helsinki)",
    ),
    _festival(
        "festival-ona",
        "Ona",
        "A Catalan woman speaks softly. Synthetic, from a real speaker.",
        VoiceFacts("female", "adult", "", "soft", language="ca-ES"),
        Synthesised("festival", "upc_ca_ona_hts", SAID["ca"], (), ("festvox-ca-ona-hts", "festival-ca"), "iso-8859-15"),
        "LGPL-2.1 (UPC)",
    ),
    _festival(
        "festival-hi",
        "Naveen",
        "An Indian man speaks Hindi without any melody. Synthetic.",
        VoiceFacts("male", "adult", "indian", "even", language="hi-IN"),
        Synthesised("festival", "hindi_NSK_diphone", SAID["hi"], (), ("festvox-hi-nsk", "festival-hi", *DEFAULT_VOICE)),
        "GPL-2.0 (festvox-hi-nsk)",
    ),
    _festival(
        "festival-mr",
        "Nitin",
        "An Indian man speaks Marathi without any melody. Synthetic.",
        VoiceFacts("male", "adult", "indian", "even", language="mr-IN"),
        Synthesised("festival", "marathi_NSK_diphone", SAID["mr"], (), ("festvox-mr-nsk", "festival-mr", *DEFAULT_VOICE)),
        "GPL-2.0 (festvox-mr-nsk)",
    ),
    _festival(
        "festival-te",
        "Suresh",
        "An Indian man speaks Telugu without any melody. Synthetic.",
        VoiceFacts("male", "adult", "indian", "even", language="te-IN"),
        Synthesised("festival", "telugu_NSK_diphone", SAID["te"], (), ("festvox-te-nsk", "festival-te", *DEFAULT_VOICE)),
        "GPL-2.0 (festvox-te-nsk)",
    ),
    _festival(
        "festival-ked",
        "Kurt",
        "A dry American man of early speech synthesis. Synthetic.",
        VoiceFacts("male", "adult", "american", "dry, computer, robot"),
        Synthesised("festival", "ked_diphone", GRAVE, (), ("festvox-kdlpc16k", "festlex-cmu", "festlex-poslex")),
        "BSD-like (CSTR, University of Edinburgh)",
    ),
)

ESPEAK = (
    _espeak(
        "espeak-london",
        "London Clerk",
        "A British man speaks correctly and mechanically. Synthetic.",
        VoiceFacts("male", "adult", "british", "mechanical, correct", language="en-GB"),
        "en-gb",
        text=PLAIN,
    ),
    _espeak(
        "espeak-scotswoman",
        "Scots Lass",
        "A woman with a Scottish accent speaks mechanically. Synthetic.",
        VoiceFacts("female", "adult", "scottish", "mechanical", language="en-GB"),
        "en-gb-scotland+f3",
        text=TALE,
    ),
    _espeak(
        "espeak-grandpa",
        "Grandpa Joe",
        "A very old man with a shaky, creaking voice. Synthetic.",
        VoiceFacts("male", "old", "american", "shaky, creaking"),
        "en-us+grandpa",
        text=TALE,
    ),
    _espeak(
        "espeak-grandma",
        "Grandma Ada",
        "A very old woman with a shaky voice. Synthetic.",
        VoiceFacts("female", "old", "american", "shaky"),
        "en-us+grandma",
        text=TALE,
    ),
    _espeak(
        "espeak-croak",
        "Croaker",
        "A hoarse man croaks like a frog. Synthetic.",
        VoiceFacts("male", "adult", "", "croaky, hoarse, rough"),
        "en-us+croak",
        text=GRAVE,
    ),
    _espeak(
        "espeak-whisper",
        "Whispering Man",
        "A man whispers mechanically, without any tone. Synthetic.",
        VoiceFacts("male", "adult", "", "whisper, breathy"),
        "en-us+whisper",
        text=CALM,
    ),
    _espeak(
        "espeak-demon",
        "Demon",
        "A demon with a deep, dark and distorted voice, like a film monster. Synthetic.",
        VoiceFacts("male", "", "", "demon, monster, dark"),
        "en-us+Demonic",
        "-p",
        "15",
        text=GRAVE,
    ),
    _espeak(
        "espeak-hurry",
        "Hasty Woman",
        "A woman who talks extremely fast. Synthetic.",
        VoiceFacts("female", "adult", "american", "fast, hasty"),
        "en-us+f2",
        "-s",
        "280",
        text=f"{LIVELY} {PLAIN}",
    ),
    _espeak(
        "espeak-de-f",
        "Greta",
        "A German woman speaks mechanically. Synthetic.",
        VoiceFacts("female", "adult", "", "mechanical", language="de-DE"),
        "de+f4",
    ),
    _espeak(
        "espeak-de-m",
        "Hans",
        "A German man speaks mechanically and deep. Synthetic.",
        VoiceFacts("male", "adult", "", "mechanical", language="de-DE"),
        "de+m3",
        "-p",
        "25",
    ),
    _espeak(
        "espeak-fr-m",
        "Pierre",
        "A French man speaks mechanically. Synthetic.",
        VoiceFacts("male", "adult", "", "mechanical", language="fr-FR"),
        "fr-fr+m2",
    ),
    _espeak(
        "espeak-es-m",
        "Diego",
        "A Spanish man speaks mechanically. Synthetic.",
        VoiceFacts("male", "adult", "", "mechanical", language="es-ES"),
        "es+m1",
    ),
    _espeak(
        "espeak-pt-f",
        "Ines",
        "A Brazilian woman speaks Portuguese mechanically. Synthetic.",
        VoiceFacts("female", "adult", "brazilian", "mechanical", language="pt-BR"),
        "pt-br+f2",
    ),
    _espeak(
        "espeak-pl-m",
        "Marek",
        "A Polish man speaks mechanically. Synthetic.",
        VoiceFacts("male", "adult", "", "mechanical", language="pl-PL"),
        "pl+m4",
    ),
    _espeak(
        "espeak-nl-f",
        "Anneke",
        "A Dutch woman speaks mechanically. Synthetic.",
        VoiceFacts("female", "adult", "", "mechanical", language="nl-NL"),
        "nl+f5",
    ),
    _espeak(
        "espeak-sv-m",
        "Sven",
        "A Swedish man speaks mechanically. Synthetic.",
        VoiceFacts("male", "adult", "", "mechanical", language="sv-SE"),
        "sv+m5",
    ),
    _espeak(
        "espeak-zh-f",
        "Mei",
        "A Chinese woman speaks Mandarin mechanically. Synthetic. 合成的中文女声。",
        VoiceFacts("female", "adult", "", "mechanical", language="zh-CN"),
        "cmn+f2",
    ),
    _espeak(
        "espeak-zh-m",
        "Wei",
        "A Chinese man speaks Mandarin mechanically. Synthetic. 合成的中文男声。",
        VoiceFacts("male", "adult", "", "mechanical", language="zh-CN"),
        "cmn+m3",
    ),
    _espeak(
        "espeak-ja-f",
        "Yuki",
        "A Japanese woman speaks mechanically. Synthetic.",
        VoiceFacts("female", "adult", "", "mechanical", language="ja-JP"),
        "ja+f3",
    ),
    _espeak(
        "espeak-ko-m",
        "Minho",
        "A Korean man speaks mechanically. Synthetic.",
        VoiceFacts("male", "adult", "", "mechanical", language="ko-KR"),
        "ko+m1",
    ),
    _espeak(
        "espeak-ru-m",
        "Ivan",
        "A Russian man speaks mechanically and deep. Synthetic.",
        VoiceFacts("male", "adult", "", "mechanical", language="ru-RU"),
        "ru+m3",
        "-p",
        "25",
    ),
    _espeak(
        "espeak-ar-m",
        "Omar",
        "An Arab man speaks Arabic mechanically. Synthetic.",
        VoiceFacts("male", "adult", "", "mechanical", language="ar"),
        "ar+m2",
    ),
    _espeak(
        "espeak-el-f",
        "Eleni",
        "A Greek woman speaks mechanically. Synthetic.",
        VoiceFacts("female", "adult", "", "mechanical", language="el-GR"),
        "el+f1",
    ),
    _espeak(
        "espeak-tr-f",
        "Aylin",
        "A Turkish woman speaks mechanically. Synthetic.",
        VoiceFacts("female", "adult", "", "mechanical", language="tr-TR"),
        "tr+f4",
    ),
    _espeak(
        "espeak-hu-m",
        "Bela",
        "A Hungarian man speaks mechanically. Synthetic.",
        VoiceFacts("male", "adult", "", "mechanical", language="hu-HU"),
        "hu+m4",
    ),
    _espeak(
        "espeak-cs-f",
        "Hana",
        "A Czech woman speaks mechanically. Synthetic.",
        VoiceFacts("female", "adult", "", "mechanical", language="cs-CZ"),
        "cs+f2",
    ),
)

SYNTHETIC_PACKS: tuple[MadeVoice, ...] = (*FLITE, *FESTIVAL, *ESPEAK)
