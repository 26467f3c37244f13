"""English for the talker, our own: sentences, and frames with slots, rich in sounds of the lips in every place."""

from __future__ import annotations

ENGLISH: tuple[str, ...] = (
    "Maybe Bob put the pepper back by the window.",
    "My brother bought a map of Bombay for the museum.",
    "Five very brave farmers drove over the frozen valley.",
    "She usually measures the beige garage with pleasure.",
    "The judge chose a large cheap watch for Jane.",
    "We were wondering why you wore wool in warm weather.",
    "Thirty thin thieves thought about those other things.",
    "Who knew the blue moon would move through the room so soon?",
    "Please keep three clean sheets near the seat.",
    "The cat sat on a flat black mat and had a nap.",
    "Father parked the car far from the calm harbour.",
    "All the tall boys brought water across the lawn.",
    "Oh no, nobody told Joan that the road was closed!",
    "How now, said the loud crowd around the town house.",
    "The noisy boy enjoyed his toy and his oysters.",
    "I might fly by the bright white sky tonight.",
    "Pack my box with five dozen big jugs of lemonade.",
    "Good cooks would put sugar in the wooden bowl.",
    "Her first bird heard the early worm turn.",
    "Yes, yesterday a young musician used a yellow ukulele.",
    "Just give me one more minute, I am almost ready.",
    "Could you open the door before the people arrive?",
    "It seems that someone left a message on your phone.",
    "The weather in April is impossible to predict.",
    "Mum and Dad have moved to a small apartment by the beach.",
    "I have never seen such an enormous elephant.",
    "What time does the next bus leave from the big square?",
    "He hopped happily behind the huge house on the hill.",
    "Nine singing kings are bringing long strings along.",
    "Perhaps we ought to stop and ask somebody for help.",
    "The vase on the shelf was half full of fresh violets.",
    "Every evening the old fisherman mends his broken nets.",
    "Do not touch that, it is much too hot!",
    "Papa, may Pippa buy a baby puppy?",
    "Quick brown foxes jump over lazy dogs, or so they say.",
    "There are twenty seven steps between the kitchen and the cellar.",
    "Well, that was a very good film, was it not?",
    "Please remember to bring the blue umbrella.",
    "Above the village, a thick fog moved slowly down the mountain.",
    "Fifty four of the voters favoured a different version.",
    "I would rather walk than wait for another hour.",
    "The shop shut because of a shortage of fish.",
    "Sarah says the sea is always calm at six.",
    "Blow out the candles and make a wish.",
    "Hello, and welcome to the programme.",
    "No. Not now. Maybe tomorrow.",
    "Zoe's lazy cousin dozes beside the zebras.",
    "The engineer explained how the engine was supposed to work.",
    "Stop the tap before the pipe bursts again.",
    "Sam jumped from the lamp post and bumped his thumb.",
    "Half of the elves hid themselves on a twelfth shelf.",
    "Obviously, the obvious answer was above us.",
    "Kept apart, the captain slept in an empty apartment.",
    "He helped the grumpy chap wrap up the lamp.",
    "The bulb above the bathtub was dim but warm.",
    "A swarm of wasps swept over the wheat.",
    "Which witch whispered while we waited?",
    "Move over, Eve, and leave five for me.",
    "Seven shelves of silver gloves have vanished.",
    "I am afraid the wharf is flooded.",
    "Everybody wants a warm meal and a comfortable bed.",
    "Quite a few of us gave up before November.",
    "Sip some soup, then sweep up the crumbs.",
    "Rub the lamb chops with pepper and thyme.",
    "Public pools open in the middle of May.",
    "The bumblebee hovered over a clump of clover.",
    "Did the lawyer approve of the improved version?",
    "My sweet wife swims with the wild swans.",
    "You may keep the map, but give me back the pump.",
    "Which way is the subway, up or down?",
    "Phil often laughs at rough photographs.",
    "Tough stuff, I know, but cough it up.",
    "Wipe your hands and wait by the wagon.",
    "At the top of the steps he stopped and clapped.",
    "She rubbed, scrubbed and mopped until the room was spotless.",
    "The pump room simply stank of damp bamboo.",
    "We moved the movie to Wednesday because of the wedding.",
    "Vivid velvet curtains covered the alcove.",
    "The mayor of the village murmured something about money.",
    "Some mice climbed calmly from the column to the palm.",
    "Grab both bags, Ben, and be back by eleven.",
    "The web page was wiped, but the backup survived.",
    "An ambulance stopped abruptly by the pub.",
    "Would you swap two plums for a ripe pear?",
    "Wow, what a wonderful view from up above!",
    "What if we fell from the roof of the wolf house?",
    "Love lives where laughter lives, my grandfather believed.",
    "Apples, plums, and bananas make a simple pudding.",
)
"""Whole sentences."""

ENGLISH_SLOTS: dict[str, str] = {
    "person": (
        "my brother|the baker|Miss Weber|old Bob|the plumber|her uncle|a young woman|Mister Murphy|the bishop|Eve|"
        "our neighbour|the nurse|Jude|Vivian|the whole team|a tall waiter|Pamela|Father Paul|George|the chef|"
        "somebody|my wife|the village vet|Philip|Aunt Mabel|the prime minister|Abby|a brave farmer|both of my bosses|"
        "the swimmer|Sophie|a bumbling thief|the webmaster|Emma|Steve|the beekeeper|Mum|a famous poet|the movie buff|"
        "Doctor Bloom|nobody|the mayor|Wendy|half of the jury|a sleepy pupil|the shepherd|Gavin|our whole family|"
        "Humphrey|{number} members"
    ),
    "verb": (
        "bought|found|moved|wanted|saw|chose|forgot|painted|fixed|measured|carried|shook|threw|opened|borrowed|"
        "watched|hid|broke|described|loved|put away|gave up|brought back|whispered about|sold|used|pushed|kept|"
        "wrapped|grabbed|climbed over|wiped|approved of|dropped|mopped up|chopped|made fun of|swapped|removed|"
        "waved at|swept past|jumped over|robbed|laughed at|believed in|voted for|bumped into|combed|stamped on|saved|"
        "wove|helped with|got rid of|dreamt of|tapped|rubbed|proved|clipped|remembered|spoiled|stopped by"
    ),
    "thing": (
        "a yellow boat|the bathroom mirror|five apples|the whole bowl of soup|a wooden spoon|this beautiful map|"
        "two pairs of shoes|the oil painting|a thick book|that huge bubble|the garage key|a purple ribbon|my violin|"
        "some cheap jewels|the weather report|a vase of flowers|the broken umbrella|three quarts of milk|a fat mouse|"
        "an orange jumper|her favourite puzzle|a pound of beef|the television|one good idea|an old photograph|"
        "the {adjective} {noun}|a {adjective} {noun}|the {adjective} {noun}|our {noun}|every {noun}|"
        "my {adjective}, {adjective} {noun}|the {noun} of the {noun}|some {adjective} {plural}|five {plural}|"
        "both {plural}|all these {plural}"
    ),
    "adjective": (
        "empty|simple|warm|wavy|vivid|obvious|blue|brown|pale|plump|soft|rough|smooth|warped|fabulous|improved|awful|"
        "lovely|clever|shabby|steep|damp|dumb|brave|wild|weak|swift|private|public|comfortable|stubborn|wobbly|heavy|"
        "tiny|green|golden|ripe|cheap|deep|numb|abrupt|wet|foggy|womanly|white|alive|massive|bumpy|mauve|Swiss|"
        "cheerful|thorough|short|enormous|usual|joyful|quiet|sour|open|lukewarm"
    ),
    "noun": (
        "lamp|pump|shelf|glove|web|wave|wharf|bulb|cup|map|club|crab|lamb|palm|film|elm|farm|swamp|bamboo|wolf|"
        "golf ball|roof|cliff|cave|stove|valve|velvet bow|oven|pepper pot|puppet|ribbon|rabbit|robin|lobster|pebble|"
        "bubble|apple|purple plum|uniform|number|chamber|hammer|camel|lemon|summer home|window|wagon|sandwich|swan|"
        "whip|wheel|quiver|vowel|towel|shower|power plant|vapour|fever|river|heaven|elephant|sofa|coffee cup|trophy|"
        "laptop|backpack|bedroom|subway|obvious fib|jam pot|bathtub|tombstone|footpath|cupboard|wardrobe|blueprint|"
        "top view|ship wreck|beam|thumb|problem|rhythm|orchard|judge|yolk|thing|engine|jungle|measure|treasure|"
        "shoe shop|church|watch"
    ),
    "plural": (
        "lamps|pumps|shelves|gloves|webs|waves|bulbs|cups|clubs|crabs|lambs|films|wolves|roofs|cliffs|caves|ovens|"
        "puppets|ribbons|pebbles|apples|numbers|hammers|lemons|windows|swans|wheels|towels|rivers|elephants|"
        "coffee cups|backpacks|bathtubs|beams|thumbs|problems|maps|tombs|proofs|lives|tribes|robes|pipes|drops|steps|"
        "chips|wasps|months|fifths|judges|watches|beliefs|laughs"
    ),
    "place": (
        "in the park|by the river|above the shop|behind the church|at home|near the airport|on the balcony|"
        "from the basement|under the bridge|in Vienna|beside the pool|outside the theatre|on board the ship|"
        "halfway up the mountain|at the back of the room|in the village square|off the map|on the wharf|"
        "below the web of pipes|in front of the pub|up the steep cliff|from above|in a warm cave|"
        "at the swimming club|over the wall|among the palms|at the bottom of the well|by the {noun}|"
        "behind every {noun}|between the {plural}|on top of the {adjective} {noun}"
    ),
    "time": (
        "on Monday|last week|before breakfast|every February|after the show|this evening|at about nine|just now|"
        "in the summer of ninety five|a moment ago|once upon a time|within two hours|yesterday|all year round|"
        "from time to time|five weeks ago|twice a month|in November|before twelve|halfway through the film|"
        "in the meantime|on the twelfth of September|at half past five|ever since|whenever it was warm"
    ),
    "opener": (
        "Well|Actually|Maybe|By the way|Of course|However|You know|Oh|Sure|Look|Honestly|Above all|Wow|Hmm|Please|"
        "Perhaps|Probably|Obviously|In fact|Believe me|What if|Whatever|Oops|Yep|Mmm|Fine|Wait|Stop|Bravo|Beware"
    ),
    "wish": (
        "stop|move|wait|jump|swim|whisper|improve|give up|wake up|speak up|come back|show up|laugh|behave|weep|"
        "hope for the best|pay for it|help|vote|leave home|open up|dive|climb|bump into people"
    ),
}
"""Fillers of the slots, separated by bars; a filler may have slots itself."""

ENGLISH_TEMPLATES: tuple[str, ...] = (
    "{person} {verb} {thing} {place}.",
    "{opener}, {person} {verb} {thing} {time}.",
    "{time}, {person} {verb} {thing}.",
    "Did you know that {person} {verb} {thing}?",
    "{person} and {person} {verb} {thing}, but {person} {verb} {thing}.",
    "Why has {person} never {verb} {thing} {place}?",
    "{thing}, {thing}, and {thing}!",
    "{opener}! {person} {verb} {thing} {place} {time}.",
    "It was {person} who {verb} {thing}.",
    "Between {number} and {number} people {verb} {thing} {place}.",
    "I hope you will {wish}, because {person} {verb} {thing}.",
    "Would {person} ever {wish} {place}?",
    "{opener}, we may {wish} or {wish}, {person} said.",
    "My {noun} is {adjective}, but yours is {adjective} and {adjective}.",
    "If you {wish} {time}, {person} might {wish} too.",
    "What a {adjective} {noun}!",
    "Where are the {adjective} {plural} that {person} {verb}?",
    "{plural}, {plural}, {plural} and a {noun}.",
    "Please do not {wish} {place}, it is too {adjective}.",
    "{number} {plural}, {number} {plural} and one {adjective} {noun}, please.",
    "Never {wish} before you {wish}.",
    "{opener}. {opener}. {person}, {wish}!",
    "Whoever {verb} {thing} must have been {adjective}.",
    "I believe the {noun} {place} was {adjective} {time}.",
    "Both the {noun} and the {noun} were {adjective}; {person} {verb} them.",
)
"""Sentence frames; `{number}` is a random integer written in digits."""
