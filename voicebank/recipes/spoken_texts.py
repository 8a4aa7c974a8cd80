"""What synthetic voices say in their reference clips: data only, each about eight to twelve seconds of speech."""

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

# By language, for synthesizers.
SAID = {
    "en": PLAIN,
    "ar": "صباح الخير. الطقس جميل اليوم، وسنذهب معا إلى السوق القديم. "
    "نشتري الخبز والتمر والزيتون، ثم نجلس قرب النهر ونشرب الشاي.",
    "ca": "Bon dia a tothom. Avui fa molt bon temps i anirem a passejar per la muntanya. "
    "Portarem pa, formatge i una ampolla d'aigua.",
    "cs": "Dobré ráno. Dnes je krásné počasí a půjdeme na dlouhou procházku podél řeky. "
    "Vezmeme si chleba, sýr a dvě jablka.",
    "de": "Guten Morgen zusammen. Heute ist das Wetter schön, und wir machen einen langen Spaziergang am Fluss. "
    "Wir nehmen Brot, Käse und zwei Äpfel mit.",
    "el": "Καλημέρα σας. Σήμερα ο καιρός είναι ωραίος και θα πάμε μια μεγάλη βόλτα δίπλα στο ποτάμι. "
    "Θα πάρουμε ψωμί, τυρί και μήλα.",
    "es": "Buenos días a todos. Hoy hace muy buen tiempo y vamos a dar un largo paseo junto al río. "
    "Llevamos pan, queso y dos manzanas.",
    "fi": "Hyvää huomenta kaikille. Tänään on kaunis ilma, ja lähdemme pitkälle kävelylle joen rantaan. "
    "Otamme mukaan leipää, juustoa ja kaksi omenaa.",
    "fr": "Bonjour à tous. Il fait très beau aujourd'hui et nous allons faire une longue promenade au bord de la rivière. "
    "Nous emportons du pain, du fromage et deux pommes.",
    "hi": "नमस्ते। आज मौसम बहुत अच्छा है और हम नदी के किनारे लंबी सैर पर जाएंगे। हम रोटी, पनीर और दो सेब साथ ले जाएंगे।",
    "hu": "Jó reggelt mindenkinek. Ma szép idő van, és hosszú sétát teszünk a folyó mellett. "
    "Viszünk kenyeret, sajtot és két almát.",
    "it": "Buongiorno a tutti. Oggi il tempo è molto bello e facciamo una lunga passeggiata lungo il fiume. "
    "Portiamo con noi pane, formaggio e due mele.",
    "ja": "おはようございます。きょうはてんきがいいので、かわのそばをながくさんぽします。"
    "パンとチーズとりんごをもっていきます。",
    "ko": "안녕하세요. 오늘은 날씨가 좋아서 강가를 오래 산책할 거예요. 빵과 치즈와 사과 두 개를 가져가요.",
    "mr": "नमस्कार. आज हवा खूप छान आहे आणि आपण नदीकाठी लांब फिरायला जाऊ. आपण भाकरी, पनीर आणि दोन सफरचंदे बरोबर घेऊ.",
    "nl": "Goedemorgen allemaal. Vandaag is het mooi weer en we maken een lange wandeling langs de rivier. "
    "We nemen brood, kaas en twee appels mee.",
    "pl": "Dzień dobry wszystkim. Dzisiaj jest piękna pogoda i pójdziemy na długi spacer nad rzekę. "
    "Weźmiemy chleb, ser i dwa jabłka.",
    "pt": "Bom dia a todos. Hoje o tempo está muito bonito e vamos dar um longo passeio junto ao rio. "
    "Levamos pão, queijo e duas maçãs.",
    "ru": "Доброе утро. Сегодня прекрасная погода, и мы пойдём на долгую прогулку вдоль реки. "
    "Возьмём хлеб, сыр и два яблока.",
    "sv": "God morgon allihop. I dag är det vackert väder och vi tar en lång promenad längs floden. "
    "Vi tar med bröd, ost och två äpplen.",
    "te": "నమస్కారం. ఈ రోజు వాతావరణం చాలా బాగుంది, మనం నది పక్కన చాలా దూరం నడుద్దాం. రొట్టె, రెండు ఆపిల్ పండ్లు తీసుకువెళదాం.",
    "tr": "Herkese günaydın. Bugün hava çok güzel ve nehir kıyısında uzun bir yürüyüş yapacağız. "
    "Ekmek, peynir ve iki elma alıyoruz.",
    "zh": "大家早上好。今天天气很好，我们要沿着河边走很长的路。我们带上面包、奶酪和两个苹果，中午在树下休息。",
}
