"""Words in dates: months and weekdays in many languages, names of time zones, and words without meaning.

Pure; imports no other package. All words are folded (`dates.fold`): lower case, without accents. Source: CLDR
48, with abbreviations of WordPress and of texts. A name that two languages use for different months has the
month of most speakers; `MONTHS_BY_LANGUAGE` has the other one.
"""

from __future__ import annotations

_MONTHS = {
    1: (
        "ean eanair ene enero gen gener gennaio ian ianuarie ion ionawr jaan jaanuar jaenner jan janar "
        "janeiro jann janner janu januar januara januari januarie januaris january janv janvaris janvier "
        "led leden ledna oca ocak saus sausio sausis sij sijecanj sijecnja sty styczen stycznia tammi "
        "tammik tammikuu tammikuuta urt urtarrila xan xaneiro yan yanvar ιαν ιανουαριοσ ιανουαριου сту "
        "студзень студзеня січ січень січня янв январь января яну януари јан јануар јануари қаң қаңтар ינו "
        "ינואר جانفي جنوری يناير ژانویه มกราคม იან იანვარი"
    ),
    2: (
        "chw chwef chwefror feabh feabhra feb febbraio feber febr febreiro febrer febrero februar februara "
        "februari februarie februaris february febuary fev fevereiro fevr fevral fevrier helmi helmikuu "
        "helmikuuta lut lutego luty ots otsaila peb shk shkurt sub subat uno unor unora vas vasario vasaris "
        "veebr veebruar velj veljaca veljace φεβ φεβρουαριοσ φεβρουαριου ақп ақпан лют лютага лютии лютого "
        "люты феб фебруар фев февр февраль февраля февруари פבר פברואר شباط فبراير فروری فوریه فيفري "
        "กมภาพนธ თებ თებერვალი"
    ),
    3: (
        "bre brezen brezna kov kovas kovo maalis maaliskuu maaliskuuta maart mac machi maer maerz mar marc "
        "marca march marcius marco marec maret mars mart marta martie marts martxoa marz marzec marzo maw "
        "mawrth mrt mrz ozu ozujak ozujka μαρ μαρτ μαρτιοσ μαρτιου бер березень березня мар март марта нау "
        "наурыз сак сакавік сакавіка מרץ ادار مارس مارچ มนาคม მარ მარტი"
    ),
    4: (
        "abr abril aib aibrean api apirila apr aprel apri april aprila aprile aprili aprilie aprilis aprill "
        "avr avril bal balandis balandzio dub duben dubna ebr ebrill huhti huhtikuu huhtikuuta kwi kwiecien "
        "kwietnia nis nisan pri prill tra travanj travnja απρ απριλιοσ απριλιου апр апрель апреля април "
        "квіт квітень квітня кра красавік красавіка сәу сәуір אפר אפריל ابريل افريل اوریل اپریل نيسان "
        "เมษายน აპრ აპრილი"
    ),
    5: (
        "beal bealtaine geg geguze geguzes kve kveten kvetna mag maggio mai maiatza maig maijs maio maj "
        "maja majus may mayis mayo mei svi svibanj svibnja touko toukokuu toukokuuta μαι μαιοσ μαιου маи "
        "мам мамыр мая мај трав травень травня מאי ايار ماي مايو مه ميی พฤษภาคม მაი მაისი"
    ),
    6: (
        "birz birzelio birzelis cerven cervna cvn cze czerwca czerwiec eka ekaina giu giugno haz haziran "
        "iun iunie iyn iyun juin jun juna june junho juni junie junij junijs junio junius juny juuni kesa "
        "kesakuu kesakuuta lipanj lipnja meh mehefin meith meitheamh qer qershor xuno ιουν ιουνιοσ ιουνιου "
        "июн июнь июня мау маусым черв червень червня чэр чэрвень чэрвеня юни јун јуни יוני جوان جون حزيران "
        "يونيو ژوين มถนายน ივნ ივნისი"
    ),
    7: (
        "cervence cervenec cvc gor gorff gorffennaf heina heinakuu heinakuuta iuil iul iulie iyl iyul juil "
        "juill juillet jul jula julai julho juli julie julij julijs julio juliol julius july juuli korr "
        "korrik liep liepa liepos lip lipca lipiec lug luglio srpanj srpnja tem temmuz uzt uztaila xul "
        "xullo ιουλ ιουλιοσ ιουλιου июл июль июля лип липень липня ліп ліпень ліпеня шіл шілде юли јул јули "
        "יולי تموز جولايی جويلية يوليو ژويیه กรกฎาคม ივლ ივლისი"
    ),
    8: (
        "abu abuztua ag ago agost agosti agosto ags agt agu agust agustos agustus aout aug august augusta "
        "augusti augusts augustus augusztus avg avgust avq avqust awst elo elokuu elokuuta gush gusht kol "
        "kolovoz kolovoza lun lunasa ogo ogos rugp rugpjucio rugpjutis sie sierpien sierpnia srp srpen "
        "srpna αυγ αυγουστοσ αυγουστου авг август августа жні жнівень жніуня серп серпень серпня там тамыз "
        "אוג אוגוסט اب اغسطس اوت اگست สงหาคม აგვ აგვისტო"
    ),
    9: (
        "eyl eylul ira iraila medi mfomh rugs rugsejis rugsejo ruj rujan rujna sen sentabr sentyabr sep "
        "sept septemba septembar september septembra septembre septembrie septembris septiembre set "
        "setembre setembro setiembre sett settembre sht shtator syys syyskuu syyskuuta szept szeptember wrz "
        "wrzesien wrzesnia zar zari σεπ σεπτεμβριοσ σεπτεμβριου вер верасень верасня вересень вересня сен "
        "сент сентябрь сентября сеп септембар септември қыр қыркүиек ספט ספטמבר ايلول سبتمبر ستمبر سپتامبر "
        "กนยายน სექ სექტემბერი"
    ),
    10: (
        "dfomh eki ekim hyd hydref loka lokakuu lokakuuta oct october octobre octombrie octubre okt oktabr "
        "oktoba oktobar oktober oktobra oktobris oktoober oktyabr ott ottobre out outubro paz pazdziernik "
        "pazdziernika rij rijen rijna spal spalio spalis tet tetor urr urria οκτ οκτωβριοσ οκτωβριου жовт "
        "жовтень жовтня кас кастрычнік кастрычніка окт октобар октомври октябрь октября қаз қазан אוק "
        "אוקטובר اكتوبر اکتبر اکتوبر ตลาคม ოქტ ოქტომბერი"
    ),
    11: (
        "aza azaroa kas kasim lapkr lapkricio lapkritis lis listopad listopada listopadu marras marraskuu "
        "marraskuuta nen nentor noiembrie nop nov novemba novembar november novembra novembre novembris "
        "novembro noviembre noy noyabr samh samhain stu studeni studenoga tach tachwedd νοε νοεμβριοσ "
        "νοεμβριου лист листопад листопада ліс лістапад лістапада нов новембар ное ноември ноя нояб ноябрь "
        "ноября қар қараша נוב נובמבר نوامبر نوفمبر نومبر พฤศจกายน ნოე ნოემბერი"
    ),
    12: (
        "abe abendua ara aralik dec decembar december decembra decembre decembrie decembris decembro dek "
        "dekabr des desemba desember desembre dets detsember dez dezember dezembro dhj dhjetor dic dicembre "
        "diciembre dis disember gru grudnia grudzien gruod gruodis gruodzio joulu joulukuu joulukuuta noll "
        "nollaig pro prosinac prosinca prosince prosinec rhag rhagfyr δεκ δεκεμβριοσ δεκεμβριου груд "
        "грудень грудня дек декабрь декабря декември дец децембар жел желтоқсан сне снежань снежня דצמ "
        "דצמבר دسامبر دسمبر ديسمبر ธนวาคม დეკ დეკემბერი"
    ),
}
_WEEKDAYS = (
    "al astelehena dilluns dl dush dushanba esmaspaev hen hetfo isn isnin jumatatu llun luan lun lundi "
    "lunedi lunes luni luns ma maanantai maanantaina maandag man mandag manudagur mo mon monday montag "
    "pazartesi pirmadienis pirmd pirmdiena po pon pondeli pondelok ponedeljak ponedeljek ponedjeljak "
    "poniedziałek pr pzt seg segunda sen senin δευ δευτερα дс дүисенбі панядзелак пн пон понеделник "
    "понедельник понедељак понеділок الاثنين دوشنبه پیر จนทร วนจนทร ორშ ორშაბათი",
    "an antradienis ar asteartea di dienstag dimarts dinsdag dt jumanne kedd mairt mar mardi martedi "
    "martes marti maw otrd otrdiena sal sali sel selasa sesh seshanba teisipaev ter terca ti tiistai "
    "tiistaina tir tirs tirsdag tis tisdag torek tue tues tuesday ty tysdag ut utery uto utorak utorok wt "
    "wtorek þri þriðjudagur τρι τριτη ау ауторак вт вто вторник вівторок сеисенбі сс уто уторак الثلاثاء "
    "سهشنبه منگل วนองคาร องคาร სამ სამშაბათი",
    "asteazkena az car carsamba cead chor chorshanba cərsənbə dc dimecres jumatano ke keskiviikko "
    "keskiviikkona kolmapaev mer mercoledi mercores mercredi mi mie miercoles miercuri mittwoch mið "
    "miðvikudagur on ons onsdag qua quarta rab rabu sr sre sreda sri srijeda sroda streda sze szerda tr "
    "treciadienis tresd tresdiena wed wednesday weds wo woensdag τετ τεταρτη серада середа ср сре среда "
    "сряда сәрсенбі الاربعاء بدھ چهارشنبه พธ วนพธ ოთხ ოთხშაბათი",
    "alhamisi cet cetrtek ceturtd ceturtdiena cetvrtak cs csutortok ct ctvrtek czw czwartek dear "
    "deardaoin dijous dj do donderdag donnerstag enj fim fimmtudagur gio giovedi iau jeu jeudi joi jue "
    "jueves kam kamis ketvirtadienis kha khamis kt neljapaev og osteguna pay payshanba per persembe qui "
    "quinta stvrtok thu thur thurs thursday to tors torsdag torstai torstaina xov xoves πεμ πεμπτη "
    "беисенбі бс чацвер чет четвер четверг четвртак четврток четвъртък чт чц الخميس جمعرات پنجشنبه พฤหส "
    "วนพฤหสบด ხუთ ხუთშაბათი",
    "aoine cum cuma cumə divendres dv fos fostudagur fr fre fredag freitag fri friday gwe gwen ijumaa jum "
    "juma jumaat jumat or ostirala pa patek pe penktadienis pentek perjantai perjantaina pet petak petek "
    "pi piatek piatok piektd piektdiena pn pre pt reede sex sexta ven vendredi venerdi venres vie viernes "
    "vin vineri vr vrijdag vrydag παρ παρασκευη жм жұма пет петак петок петък пт пятница пятніца الجمعة "
    "جمعه جمعہ วนศกร ศกร პარ პარასკევი",
    "cmt cumartesi dissabte ds jumamosi la larunbata lau lauantai lauantaina laugardagur laupaev laurdag "
    "lor lordag lr lør lørdag sa sab sabado sabato sabtu sad sam sambata samedi samstag sat saterdag sath "
    "saturday sestadienis sestd sestdiena shan shanba sht sob sobota sub subota szo szombat sənbə za "
    "zaterdag σαβ σαββατο саб сабота сб сенбі суб суббота субота събота שבת السبت شنبه ہفتہ วนเสาร เสาร "
    "შაბ შაბათი",
    "ahad ahd bazar cn dg die dim dimanche diumenge dom domenica domh domingo dum duminica ig igandea "
    "jumapili min minggu ne ned nedela nedele nedelja nedjelja niedz niedziela paz pazar puhapaev "
    "sekmadienis sk son sondag sonntag su sul sun sunday sunnudagur sunnuntai sunnuntaina svetd svetdiena "
    "sø søn søndag vasarnap yak yakshanba zo zondag κυρ κυριακη воскресенье вс жексенбі жс нд нед недела "
    "неделя недеља неділя нядзеля اتوار الاحد یکشنبه วนอาทตย อาทตย კვი კვირა",
)
MONTHS = {word: month for month, words in _MONTHS.items() for word in words.split()}
"""Months by their names."""
MONTHS_BY_LANGUAGE = {
    language: {"lip": 6, "lipnja": 6, "srp": 7, "srpnja": 7, "lis": 10, "listopad": 10, "listopada": 10}
    for language in ("hr", "bs")
}
"""Months whose names mean another month in another language."""
WEEKDAYS = {word: number for number, words in enumerate(_WEEKDAYS) for word in words.split()}
"""Weekdays by their names; Monday is 0."""
ENGLISH_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()

FILLERS = frozenset(
    # English, German, French, Spanish, Portuguese, Italian, Dutch
    "at on of the t um uhr am den der dem vom le a les h hs hrs de del las el o as e alle ore il dia om uur "
    "op "
    # Scandinavian, Finnish, Russian, Ukrainian, Polish, Czech, Turkish, Greek
    "kl klockan klokken d den klo kello в г года году о об р року r roku godz v hod "
    "hodin ve saat στισ ωρα τησ "
    # Romanian, Hungarian, Indonesian, Vietnamese with its weekdays, Arabic, Hebrew
    "la ora pukul pkl jam ngay nam luc hai ba tu sau bay chu nhat cn في الساعة يوم ב בשעה של "
    # Portuguese and Czech weekdays; abbreviations of weekdays that several languages have
    "feira st so p k c tor ma di do vr za zo mo fr sa su we th tu sd".split()
)
"""Words that change nothing."""
ORDINALS = frozenset("st nd rd th er ere e eme re o a ste de го е и ого i".split())
"""Endings of a number: `4th`, `1er`."""
MORNING = frozenset("am πμ ص sa".split())
AFTERNOON = frozenset("pm μμ م ch".split())
"""Words behind a time of twelve hours."""

ZONES = {
    "ut": 0, "utc": 0, "gmt": 0, "z": 0, "wet": 0, "west": 60, "bst": 60, "cet": 60, "mez": 60, "met": 60,
    "cest": 120, "mesz": 120, "mest": 120, "eet": 120, "eest": 180, "cat": 120, "wat": 60, "eat": 180,
    "sast": 120, "msk": 180, "мск": 180, "msd": 240, "trt": 180, "gst": 240, "pkt": 300, "ist": 330,
    "npt": 345, "ict": 420, "wib": 420, "wita": 480, "wit": 540, "hkt": 480, "sgt": 480, "pht": 480,
    "awst": 480, "jst": 540, "kst": 540, "acst": 570, "acdt": 630, "aest": 600, "aedt": 660, "nzst": 720,
    "nzdt": 780, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480,
    "pdt": -420, "akst": -540, "akdt": -480, "hst": -600, "hdt": -540, "ast": -240, "adt": -180, "nst": -210,
    "ndt": -150, "brt": -180, "brst": -120, "art": -180, "clt": -240, "clst": -180, "cot": -300, "pet": -300,
}  # fmt: skip
"""Minutes east of UTC by the names of zones. RFC 5322 section 4.3 defines the American ones. Of the zones
with the same name, it is the one that feeds mean: IST is in India, BST in Britain, AST on the Atlantic.
"""
ZONES_BY_LANGUAGE = {"zh": {"cst": 480}, "he": {"ist": 120}, "ga": {"ist": 60}, "ar": {"ast": 180}}
"""Names of zones that mean another zone in texts of a language."""
ZONE_PHRASES = {
    "中国标准时间": "+0800", "中國標準時間": "+0800", "北京时间": "+0800", "北京時間": "+0800",
    "台北時間": "+0800", "台北标准时间": "+0800", "香港時間": "+0800", "日本標準時": "+0900",
    "日本時間": "+0900", "한국 표준시": "+0900", "한국시간": "+0900",
    "china standard time": "+0800", "japan standard time": "+0900", "india standard time": "+0530",
    "eastern standard time": "-0500", "eastern daylight time": "-0400", "central standard time": "-0600",
    "central daylight time": "-0500", "mountain standard time": "-0700", "mountain daylight time": "-0600",
    "pacific standard time": "-0800", "pacific daylight time": "-0700", "greenwich mean time": "+0000",
    "coordinated universal time": "+0000", "british summer time": "+0100",
    "central european standard time": "+0100", "central european summer time": "+0200",
    "central european time": "+0100", "mitteleuropaische zeit": "+0100",
    "mitteleuropaische sommerzeit": "+0200", "moscow standard time": "+0300",
}  # fmt: skip
"""Long names of zones, as JavaScript and texts write them."""
ZONES_WITH_SUMMER_TIME = {
    "et": "America/New_York", "ct": "America/Chicago", "mt": "America/Denver", "pt": "America/Los_Angeles",
}  # fmt: skip
"""Names of zones that mean the standard time in winter and summer time in summer."""
