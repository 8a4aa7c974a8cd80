"""What is said without a model having written it, by language: the one place to change a sentence or to add a language."""

from collections.abc import Mapping
from dataclasses import dataclass

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing to say. texts: by ISO 639-1 code, English among them, with fields in braces."""

    texts: Mapping[str, str]

    def __call__(self, language: str = ENGLISH, /, **fields: object) -> str:
        """In a language, or in English where it is missing.

        Raises:
            KeyError: a field was left out.
        """
        return self.texts.get(language, self.texts[ENGLISH]).format_map(fields)


# The controller

NOTHING_HEARD = Sentence({"en": "I did not hear anything.", "zh": "我什么也没有听到。"})
NOTHING_SUPPORTED = Sentence(
    {
        "en": "I am sorry, I found nothing in the documents that answers this.",
        "zh": "抱歉，我在文档里没有找到能回答这个问题的内容。",
    }
)
TOO_MANY_STEPS = Sentence(
    {
        "en": "I am sorry, I could not finish that in the steps I am allowed.",
        "zh": "抱歉，我没能在允许的步骤内完成。",
    }
)
SHALL_I_GO_ON = Sentence({"en": "Shall I go on?", "zh": "要我继续吗？"})
UNSURE = Sentence({"en": "I am not sure of this, but ", "zh": "我不太确定，不过"})

# The controller: how a call ended; clauses behind `SORRY`

NO_SUCH_TOOL = Sentence({"en": "there is no tool called {name}", "zh": "没有名为{name}的工具"})
TIMED_OUT = Sentence(
    {"en": "the {name} tool did not answer within {seconds:g} seconds", "zh": "{name}工具在{seconds:g}秒内没有回应"}
)
BROKE = Sentence({"en": "the {name} tool failed with {error}", "zh": "{name}工具出错了：{error}"})
INTERRUPTED = Sentence({"en": "the call was interrupted", "zh": "调用被打断了"})
VOICE_GONE = Sentence({"en": "that voice is no longer in the voice bank", "zh": "音色库里已经没有这个音色了"})

# The embedded model

SORRY = Sentence({"en": "I am sorry, {why}.", "zh": "抱歉，{why}。"})
NO_ANSWER = Sentence({"en": "I am sorry, I have no answer to that.", "zh": "抱歉，这个我答不上来。"})
ACCORDING_TO = Sentence({"en": "According to {source},", "zh": "根据{source}，"})

# Tools: what is wrong with a call

ARGUMENTS_TOO_LONG = Sentence({"en": "the arguments of the call were too long", "zh": "调用工具的参数太长了"})
ARGUMENTS_NOT_AN_OBJECT = Sentence(
    {"en": "the arguments of the call were not a JSON object", "zh": "调用工具的参数不是JSON对象"}
)
ARGUMENTS_WRONG = Sentence({"en": "the arguments of the call were wrong: {why}", "zh": "调用工具的参数有误：{why}"})

# Tools: services on the network; "{service}" is one of the names

WEATHER_SERVICE = Sentence({"en": "the weather service", "zh": "天气服务"})
SEARCH_SERVER = Sentence({"en": "the search server", "zh": "搜索服务器"})
SERVICE_UNREACHABLE = Sentence({"en": "{service} could not be reached", "zh": "无法连接{service}"})
SERVICE_ANSWERED = Sentence({"en": "{service} answered {status}", "zh": "{service}返回了错误{status}"})
SERVICE_SENT_TOO_MUCH = Sentence({"en": "{service} sent too much data", "zh": "{service}返回的数据太多"})
SERVICE_SENT_NO_DATA = Sentence({"en": "{service} sent no valid data", "zh": "{service}没有返回有效的数据"})

# Tools: the clock; times and dates as Babel writes them

TIME_PATTERN = Sentence({"en": "h:mm a", "zh": "Bh点mm分"})
TIME_HERE = Sentence({"en": "It is {time} on {date}.", "zh": "现在是{date}，{time}。"})
TIME_THERE = Sentence({"en": "In {place} it is {time} on {date}.", "zh": "{place}现在是{date}，{time}。"})
DAY_IS = Sentence({"en": "{day} is {date}.", "zh": "{day}是{date}。"})
DAY_WAS = Sentence({"en": "{day} was {date}.", "zh": "{day}是{date}。"})
THAT_DAY = Sentence({"en": "That", "zh": "那天"})
ZONE_UNKNOWN = Sentence({"en": "I do not know the time zone of {place}", "zh": "我不知道{place}的时区"})

# Tools: the weather

WEATHER = Sentence(
    {
        "en": "In {place} it is {sky} at {degrees} degrees Celsius, with wind of {wind} kilometres an hour. "
        "Tomorrow: {tomorrow}, {low} to {high} degrees, chance of rain {rain} percent.",
        "zh": "{place}现在{sky}，气温{degrees}摄氏度，风速每小时{wind}公里。"
        "明天{tomorrow}，{low}到{high}度，降雨概率百分之{rain}。",
    }
)
WEATHER_NO_PLACE = Sentence(
    {"en": "the weather service knows no place called {place}", "zh": "天气服务找不到叫“{place}”的地方"}
)
WEATHER_UNREADABLE = Sentence({"en": "the weather service sent data I cannot read", "zh": "天气服务返回的数据我读不懂"})
SKY_UNCLEAR = Sentence({"en": "unclear", "zh": "天气状况不明"})
SKY = {  # WMO weather interpretation codes
    0: Sentence({"en": "clear", "zh": "晴"}),
    1: Sentence({"en": "mostly clear", "zh": "晴间少云"}),
    2: Sentence({"en": "partly cloudy", "zh": "多云"}),
    3: Sentence({"en": "overcast", "zh": "阴"}),
    45: Sentence({"en": "foggy", "zh": "有雾"}),
    48: Sentence({"en": "foggy with rime", "zh": "有雾凇"}),
    51: Sentence({"en": "light drizzle", "zh": "有小毛毛雨"}),
    53: Sentence({"en": "drizzle", "zh": "有毛毛雨"}),
    55: Sentence({"en": "heavy drizzle", "zh": "有较密的毛毛雨"}),
    56: Sentence({"en": "freezing drizzle", "zh": "有冻毛毛雨"}),
    57: Sentence({"en": "freezing drizzle", "zh": "有冻毛毛雨"}),
    61: Sentence({"en": "light rain", "zh": "有小雨"}),
    63: Sentence({"en": "rain", "zh": "有雨"}),
    65: Sentence({"en": "heavy rain", "zh": "有大雨"}),
    66: Sentence({"en": "freezing rain", "zh": "有冻雨"}),
    67: Sentence({"en": "freezing rain", "zh": "有冻雨"}),
    71: Sentence({"en": "light snow", "zh": "有小雪"}),
    73: Sentence({"en": "snow", "zh": "有雪"}),
    75: Sentence({"en": "heavy snow", "zh": "有大雪"}),
    77: Sentence({"en": "snow grains", "zh": "有米雪"}),
    80: Sentence({"en": "light showers", "zh": "有小阵雨"}),
    81: Sentence({"en": "showers", "zh": "有阵雨"}),
    82: Sentence({"en": "violent showers", "zh": "有强阵雨"}),
    85: Sentence({"en": "snow showers", "zh": "有阵雪"}),
    86: Sentence({"en": "heavy snow showers", "zh": "有强阵雪"}),
    95: Sentence({"en": "thunderstorms", "zh": "有雷雨"}),
    96: Sentence({"en": "thunderstorms with hail", "zh": "有雷雨和冰雹"}),
    99: Sentence({"en": "thunderstorms with heavy hail", "zh": "有雷雨和大冰雹"}),
}

# Tools: the web

WEB_FOUND_NOTHING = Sentence(
    {"en": "I searched the web and found nothing about that.", "zh": "我在网上搜过了，没有找到相关的内容。"}
)
WEB_UNREACHABLE = Sentence({"en": "I could not reach the web", "zh": "我连不上网络"})

# Tools: the user's documents

DOCUMENTS_HAVE_NOTHING = Sentence(
    {
        "en": "I don't know: I could not find anything about that in your documents.",
        "zh": "我不知道：您的文档里找不到相关的内容。",
    }
)
DOCUMENTS_UNSEARCHABLE = Sentence(
    {
        "en": "your documents cannot be searched; `vivavoce index verify` tells why",
        "zh": "您的文档无法检索；运行 `vivavoce index verify` 可以查看原因",
    }
)
DOCUMENT_SAYS = Sentence({"en": "According to {title}: {text}", "zh": "根据{title}：{text}"})
TITLE = Sentence({"en": "the {title}", "zh": "《{title}》"})
TITLE_WITH_ARTICLE = Sentence({"en": "{title}", "zh": "《{title}》"})
SOURCE_IS = Sentence({"en": "That is from {title}{place}.", "zh": "这出自{title}{place}。"})
SOURCE_HEADING = Sentence({"en": ', under "{heading}"', "zh": "，“{heading}”一节"})
SOURCE_LOCATION = Sentence({"en": ", {location}", "zh": "，{location}"})
ONE_LINE = Sentence({"en": "line {first}", "zh": "第{first}行"})
LINES = Sentence({"en": "lines {first} to {last}", "zh": "第{first}到{last}行"})
ONE_PAGE = Sentence({"en": "page {first}", "zh": "第{first}页"})
PAGES = Sentence({"en": "pages {first}-{last}", "zh": "第{first}到{last}页"})
SOURCE_UNSUPPORTED = Sentence(
    {"en": 'I found nothing in the documents for this: "{sentence}"', "zh": "我在文档里没有找到这句话的依据：“{sentence}”"}
)
NO_SOURCE = Sentence({"en": "My last answer did not come from a document.", "zh": "我上一个回答不是出自文档。"})

# Tools: voices

LIST_COMMA = Sentence({"en": ", ", "zh": "、"})
LIST_AND = Sentence({"en": " and ", "zh": "和"})
CLAUSE_COMMA = Sentence({"en": ", ", "zh": "，"})
CLAUSE_AND = Sentence({"en": " and ", "zh": "，而且"})
VOICE_RESTORED = Sentence({"en": "All right, I am back to my normal voice.", "zh": "好的，我恢复平常的声音了。"})
VOICE_SET = Sentence({"en": "All right, I am now speaking as {name}.", "zh": "好的，我现在用{name}的声音说话。"})
NO_VOICE_FITS = Sentence(
    {
        "en": "I am sorry, I have no voice like that. You can ask me which voices I have.",
        "zh": "抱歉，我没有那样的声音。您可以问我有哪些声音。",
    }
)
NEAREST_VOICE = Sentence(
    {
        "en": "I am sorry, I have no voice like that. The nearest is {name}.",
        "zh": "抱歉，我没有那样的声音。最接近的是{name}。",
    }
)
VOICES_FITTING = Sentence({"en": "Fitting voices are {names}.", "zh": "合适的声音有{names}。"})
VOICES_AMONG_OTHERS = Sentence({"en": "Some of my voices are {names}.", "zh": "我的声音有{names}等等。"})
NO_OTHER_VOICE = Sentence({"en": "I have no other voice.", "zh": "我没有别的声音。"})
NO_TWO_VOICES = Sentence({"en": "I need to know which two voices to compare", "zh": "我需要知道比较哪两个声音"})
SAME_VOICE = Sentence({"en": "That is the same voice: {name}.", "zh": "那是同一个声音：{name}。"})
VOICE_UNKNOWN = Sentence({"en": "I know no voice like {words}", "zh": "我没有像“{words}”那样的声音"})
VOICE_NOT_ASKED_FOR = Sentence(
    {
        "en": "I am speaking as {name}. Nobody asked for another voice.",
        "zh": "我现在用的是{name}的声音。没有人要求换别的声音。",
    }
)
VOICE_CHOSEN = Sentence(
    {"en": 'You asked: "{asked}" {name} fits best: {reason}.', "zh": "您说的是“{asked}”，{name}最合适：{reason}。"}
)
VOICE_HEARD = Sentence(
    {"en": "You are hearing {name}. {description} {provenance}", "zh": "您听到的是{name}。{description}{provenance}"}
)
NO_MANNER = Sentence(
    {
        "en": "I cannot change how loud or how fast I speak, but I can take another voice; just describe one.",
        "zh": "我不能改变说话的音量和快慢，但可以换一个声音；您描述一下就行。",
    }
)
SYNTHETIC_VOICE = Sentence({"en": "It is synthetic{right}.", "zh": "这是合成的声音{right}。"})
RECORDED_VOICE = Sentence({"en": "It was recorded from a person{right}.", "zh": "这是真人录制的声音{right}。"})
BY_LICENCE = Sentence({"en": "; licence: {licence}", "zh": "；许可证：{licence}"})
BY_CONSENT = Sentence({"en": "; consent: {consent}", "zh": "；授权：{consent}"})
VOICES_COMPARED = Sentence({"en": "Compared with {other}, {one} {clauses}.", "zh": "和{other}相比，{one}{clauses}。"})
VOICES_ALIKE = Sentence(
    {"en": "{one} and {other} differ in nothing that I know of.", "zh": "据我所知，{one}和{other}没有什么不同。"}
)
VOICE_IS = Sentence({"en": "is {one}, not {other}", "zh": "是{one}，不是{other}"})
VOICE_STYLES = Sentence({"en": "{styles}.", "zh": "{styles}。"})
STYLE_COMMA = Sentence({"en": "; ", "zh": "；"})
VOICE_STYLE = Sentence({"en": "{name} is {style}", "zh": "{name}的风格是{style}"})
OTHER_LANGUAGE = Sentence({"en": "speaks another language", "zh": "说另一种语言"})
SAME_PITCH = Sentence({"en": "has about the same pitch", "zh": "音调差不多"})
PITCHES = Sentence({"en": "{how}, {one:.0f} against {other:.0f} hertz", "zh": "{how}，{one:.0f}赫兹对{other:.0f}赫兹"})
HIGHER = Sentence({"en": "is higher", "zh": "音调更高"})
MUCH_HIGHER = Sentence({"en": "is much higher", "zh": "音调高得多"})
DEEPER = Sentence({"en": "is deeper", "zh": "音调更低"})
MUCH_DEEPER = Sentence({"en": "is much deeper", "zh": "音调低得多"})
FASTER = Sentence({"en": "speaks faster", "zh": "说得更快"})
SLOWER = Sentence({"en": "speaks slower", "zh": "说得更慢"})
IS_SYNTHETIC = Sentence({"en": "is synthetic", "zh": "是合成的"})
IS_A_PERSON = Sentence({"en": "is a real person", "zh": "是真人"})
SPEAKERS = {  # genders and ages of a voice
    "female": Sentence({"en": "female", "zh": "女声"}),
    "male": Sentence({"en": "male", "zh": "男声"}),
    "child": Sentence({"en": "a child", "zh": "儿童"}),
    "young": Sentence({"en": "young", "zh": "年轻人"}),
    "adult": Sentence({"en": "an adult", "zh": "成年人"}),
    "old": Sentence({"en": "old", "zh": "老年人"}),
}
