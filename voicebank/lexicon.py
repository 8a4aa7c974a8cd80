"""Words that state a fact about a voice, in English and Chinese: data only."""

Wish = tuple[str, str]  # (what, value), such as ("gender", "male")

MALE, FEMALE = ("gender", "male"), ("gender", "female")
CHILD, YOUNG, ADULT, OLD = (("age", age) for age in ("child", "young", "adult", "old"))
LOW, HIGH = ("pitch", "low"), ("pitch", "high")

ENGLISH: tuple[tuple[str, tuple[Wish, ...]], ...] = (
    ("man|men|male|guy|gentleman|dude|fellow|bloke|masculine|actor|chap|sir|mister", (MALE,)),
    ("woman|women|female|lady|feminine|actress|madam|gal", (FEMALE,)),
    ("dad|father|uncle|husband|businessman", (MALE, ADULT)),
    ("mom|mum|mother|aunt|wife|businesswoman", (FEMALE, ADULT)),
    ("boy|little boy|small boy|schoolboy|lad|son", (MALE, CHILD)),
    ("girl|little girl|small girl|young girl|schoolgirl|daughter", (FEMALE, CHILD)),
    ("child|kid|kids|childish|childlike|toddler|children", (CHILD,)),
    ("grandfather|grandpa|granddad|wizard|santa|grandad", (MALE, OLD)),
    ("grandmother|grandma|granny|nana|old lady|witch", (FEMALE, OLD)),
    ("young|youthful|teenage|teenager|teen|student|twenties", (YOUNG,)),
    ("old|elderly|aged|ancient|senior|older|pensioner|wise", (OLD,)),
    ("grown up|grown-up|adult|middle aged|middle-aged|mature", (ADULT,)),
    ("deep|low|low-pitched|low pitched|bass|baritone|booming|gravelly|rumbling|deeper|lower|dark", (LOW,)),
    ("high|high-pitched|high pitched|squeaky|shrill|soprano|higher|bright|tiny|chipmunk", (HIGH,)),
    ("robot|robotic|machine|android|monotone|computer|mechanical|cyborg|metallic", (("style", "robot"),)),
    ("whisper|whispering|whispered|whispery|hushed|breathy|secretive|asmr|in secret", (("style", "whisper"),)),
    ("cheerful|happy|energetic|lively|excited|upbeat|enthusiastic|joyful|bubbly|perky", (("style", "cheerful"),)),
    ("fast|quick|rapid|hurried|quickly", (("style", "fast"),)),
    ("slow|slowly|unhurried", (("style", "slow"),)),
    ("calm|soothing|relaxed|relaxing|meditation|bedtime|peaceful|soft|gentle|tranquil|mellow", (("style", "calm"),)),
    ("giant|monster|ogre|troll|demon|huge|beast|titan", (("style", "giant"), LOW)),
    ("elf|fairy|pixie|gnome|goblin|cartoon|imp", (("style", "elf"), HIGH)),
    ("narrator|audiobook|storyteller|reader|reading|narration|reads|novel|books", (("style", "reader"),)),
    ("dramatic|theatrical|theatre|theater|stage|play", (("style", "theatre"),)),
    (
        "serious|reading the news|reads the news|news reader|newsreader|announcer|news anchor|authoritative|formal"
        "|broadcaster|news",
        (("style", "announcer"),),
    ),
    ("ghost|ghostly|spooky|eerie|haunting", (("style", "ghost"), ("style", "whisper"))),
    ("normal voice|default|usual|original voice|normal", (("style", "default"),)),
    ("real person|human|real human|natural person|real voice", (("kind", "human"),)),
    ("synthetic|artificial|synthesised|synthesized", (("kind", "synthetic"),)),
    ("british|english accent|england|london", (("accent", "british"),)),
    ("american|usa", (("accent", "american"),)),
    ("irish|ireland", (("accent", "irish"),)),
    ("scottish|scotland", (("accent", "scottish"),)),
    ("australian|australia", (("accent", "australian"),)),
    ("indian|india", (("accent", "indian"),)),
    ("french|france", (("accent", "french"),)),
    ("german|germany", (("accent", "german"),)),
    ("chinese|mandarin", (("language", "zh"),)),
)

# Longest first at use; a word found is taken out, so that 小女孩 is not read as 女 as well.
CHINESE: tuple[tuple[str, tuple[Wish, ...]], ...] = (
    ("小女孩|女孩子|女童|小姑娘|萝莉", (FEMALE, CHILD)),
    ("小男孩|男孩子|男童", (MALE, CHILD)),
    ("老爷爷|爷爷|老头|老大爷|老先生|老男人", (MALE, OLD)),
    ("老奶奶|奶奶|老太太|老婆婆", (FEMALE, OLD)),
    ("年轻男人|小伙子|小伙|小哥", (MALE, YOUNG)),
    ("年轻女人|年轻女孩|少女|小姐姐", (FEMALE, YOUNG)),
    ("男人|男声|男性|男生|先生|大叔|叔叔|男", (MALE,)),
    ("女人|女声|女性|女生|女士|阿姨|女", (FEMALE,)),
    ("小孩|孩子|儿童|小朋友", (CHILD,)),
    ("年轻|青年", (YOUNG,)),
    ("年老|老人|老年|苍老|老", (OLD,)),
    ("低沉|深沉|低音|浑厚|粗犷", (LOW,)),
    ("高音|尖细|尖|高亢", (HIGH,)),
    ("机器人|机械|电子音", (("style", "robot"),)),
    ("耳语|悄悄话|低语|悄声|气声|悄悄", (("style", "whisper"),)),
    ("开心|欢快|活泼|快乐|高兴|热情", (("style", "cheerful"),)),
    ("慢", (("style", "slow"),)),
    ("快", (("style", "fast"),)),
    ("平静|温柔|舒缓|柔和|安静", (("style", "calm"),)),
    ("巨人|怪物|怪兽", (("style", "giant"), LOW)),
    ("精灵|卡通", (("style", "elf"), HIGH)),
    ("旁白|朗读|说书|讲故事", (("style", "reader"),)),
    ("默认|原来的声音|正常", (("style", "default"),)),
    ("中文|普通话|汉语", (("language", "zh"),)),
    ("真人", (("kind", "human"),)),
)

NEGATIONS = frozenset(["not", "no", "without", "never", "don't", "isn't", "doesn't", "nor", "neither", "except"])
