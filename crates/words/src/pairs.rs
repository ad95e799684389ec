//! Given names and places that are one in Ukrainian and Russian, and in English where that has a form of its own.
//!
//! Letters do not tell that Олександр and Александр are one name, or Харків and Харьков one place. These tables do; what
//! is in none of them, lists of names say by their aliases.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::{Language, fold, stems};

/// Given names, each line one name.
const GIVEN: &str = "
Олександр Александр Alexander
Олександра Александра Alexandra
Олексій Алексей Alexey Alexei
Андрій Андрей Andrew
Анастасія Анастасия
Анатолій Анатолий
Антон Антон Anthony
Артем Артём
Богдан Богдан
Борис Борис
Вадим Вадим
Валентин Валентин
Валерій Валерий
Василь Василий
Віктор Виктор Victor Viktor
Вікторія Виктория Victoria
Віра Вера
Віталій Виталий
В'ячеслав Вячеслав
Владислав Владислав
Володимир Владимир
Всеволод Всеволод
Галина Галина
Ганна Анна Anna
Геннадій Геннадий
Георгій Георгий
Григорій Григорий Gregory
Дарина Дарья
Дем'ян Демьян
Денис Денис Dennis
Дмитро Дмитрий Dmitry
Едуард Эдуард Edward
Євген Евгений Eugene
Євгенія Евгения
Єгор Егор
Єлизавета Елизавета Elizabeth
Захар Захар
Зінаїда Зинаида
Іван Иван Ivan
Ігор Игорь Igor
Ілля Илья Ilya
Ірина Ирина Irina
Катерина Екатерина Catherine
Кирило Кирилл
Костянтин Константин Constantine
Леонід Леонид
Лідія Лидия
Лука Лука
Людмила Людмила
Любов Любовь
Максим Максим
Маргарита Маргарита
Марина Марина
Марія Мария Maria
Матвій Матвей
Микита Никита
Микола Николай Nicholas Nikolai
Михайло Михаил Michael
Надія Надежда
Назар Назар
Наталія Наталья Natalia
Никифор Никифор
Оксана Оксана
Олег Олег Oleg
Олена Елена Helena
Ольга Ольга Olga
Павло Павел Paul
Пантелеймон Пантелеймон
Петро Пётр Peter
Пилип Филипп Philip
Раїса Раиса
Роман Роман
Ростислав Ростислав
Світлана Светлана
Святослав Святослав
Семен Семён
Сергій Сергей
Софія София Sophia
Станіслав Станислав
Степан Степан Stephen
Тамара Тамара
Тарас Тарас
Тетяна Татьяна Tatiana
Тимофій Тимофей
Тихон Тихон
Федір Фёдор Theodore
Юлія Юлия Julia
Юрій Юрий
Юхим Ефим
Яків Яков Jacob
Ярослав Ярослав
";

/// Places, each line one place.
const PLACES: &str = "
Авдіївка Авдеевка
Алчевськ Алчевск
Бердянськ Бердянск
Бахмут Бахмут
Біла Белая
Вінниця Винница
Гостомель Гостомель
Дніпро Днепр
Дніпропетровськ Днепропетровск
Донецьк Донецк
Дебальцеве Дебальцево
Енергодар Энергодар
Євпаторія Евпатория
Житомир Житомир
Запоріжжя Запорожье
Ізюм Изюм
Ірпінь Ирпень
Каховка Каховка
Керч Керчь
Київ Киев Kyiv Kiev
Кременчук Кременчуг
Крим Крым Crimea
Куп'янськ Купянск
Лиман Лиман
Лисичанськ Лисичанск
Луганськ Луганск
Львів Львов
Маріуполь Мариуполь
Мелітополь Мелитополь
Миколаїв Николаев
Москва Москва Moscow
Одеса Одесса
Оленівка Еленовка
Охтирка Ахтырка
Павлоград Павлоград
Полтава Полтава
Рівне Ровно
Рубіжне Рубежное
Севастополь Севастополь
Сєвєродонецьк Северодонецк
Сімферополь Симферополь
Слов'янськ Славянск
Суми Сумы
Тернопіль Тернополь
Ужгород Ужгород
Україна Украина Ukraine
Харків Харьков
Херсон Херсон
Хмельницький Хмельницкий
Черкаси Черкассы
Чернівці Черновцы
Чернігів Чернигов
Чорнобиль Чернобыль Chernobyl Chornobyl
Росія Россия Russia
Білорусь Беларусь Belarus
";

/// What the tables say of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// The same for all forms of one name.
    pub number: u16,
    /// Whether it is a given name of people; a place otherwise.
    pub is_given: bool,
}

/// The groups that a word belongs to, in any inflected form; a few at most.
pub fn groups(word: &str) -> Vec<Group> {
    static TABLE: OnceLock<HashMap<String, Vec<Group>>> = OnceLock::new();
    let table = TABLE.get_or_init(table);
    let mut found: Vec<Group> = terms(word)
        .iter()
        .filter_map(|term| table.get(term))
        .flatten()
        .copied()
        .collect();
    found.sort_unstable_by_key(|g| g.number);
    found.dedup();
    found
}

fn terms(word: &str) -> Vec<String> {
    let mut terms = vec![fold(word)];
    let languages = [Language::Ukrainian, Language::Russian];
    let stems = stems(word, &languages);
    terms.extend(
        stems
            .iter()
            .map(|s| format!("{}:{}", s.language.code(), s.text)),
    );
    terms
}

fn table() -> HashMap<String, Vec<Group>> {
    let lines = |text: &'static str| text.lines().filter(|line| !line.is_empty());
    let given = lines(GIVEN).map(|line| (line, true));
    let places = lines(PLACES).map(|line| (line, false));
    let mut table: HashMap<String, Vec<Group>> = HashMap::new();
    for (number, (line, is_given)) in (0u16..).zip(given.chain(places)) {
        for word in line.split(' ') {
            for term in forms(word).iter().flat_map(|form| terms(form)) {
                let groups = table.entry(term).or_default();
                let group = Group { number, is_given };
                if !groups.contains(&group) {
                    groups.push(group);
                }
            }
        }
    }
    table
}

/// A word of the tables in some of its cases: a stemmer takes the -ов of Харьков for an ending, and that of Харьковом not.
fn forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    // Київ, Києва; Львів, Львова: the vowel of the last syllable changes when it is not the last any more.
    let open = [("їв", "єв"), ("ів", "ов")];
    let open = open.map(|(closed, open)| word.strip_suffix(closed).map(|s| format!("{s}{open}")));
    for stem in std::iter::once(word.to_owned()).chain(open.into_iter().flatten()) {
        if stem.ends_with(['в', 'н']) {
            let endings = ["а", "у", "ом", "е", "і"];
            forms.extend(endings.iter().map(|ending| format!("{stem}{ending}")));
        }
    }
    if let Some(stem) = word.strip_suffix('й') {
        let endings = ["я", "ю", "єм", "ем", "ї", "е"];
        forms.extend(endings.iter().map(|ending| format!("{stem}{ending}")));
    }
    forms
}

/// Whether a word is a patronymic, by its ending, in any case: `Петрович`, `Петрівни`, `Petrovych`. Some surnames end so
/// too: Попович.
pub fn is_patronymic(word: &str) -> bool {
    const HIS: [&str; 5] = ["ович", "евич", "ovych", "ovich", "evich"];
    const HER: [&str; 7] = ["івн", "ївн", "овн", "евн", "ivn", "ovn", "evn"];
    let folded = fold(word);
    let ends = |stems: &[&str], endings: &str| {
        let mut endings = endings.split(' ');
        endings.any(|e| {
            let stem = folded.strip_suffix(e);
            stem.is_some_and(|stem| stems.iter().any(|s| stem.ends_with(s)))
        })
    };
    let known = ends(&HIS, " а у ем ом і е") || ends(&HER, "а и і у ою ы е ой о a");
    folded.chars().count() > 6 && known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meet(one: &str, other: &str) -> bool {
        let others = groups(other);
        groups(one).iter().any(|g| others.contains(g))
    }

    #[test]
    fn forms_of_one_name_meet_in_any_case() {
        for (one, other) in [
            ("Олександр", "Александром"),
            ("Володимира", "Владимир"),
            ("Харкові", "Харькова"),
            ("Київ", "Киеве"),
            ("Миколою", "Николая"),
            ("Дмитра", "Дмитрий"),
            ("Сергієм", "Сергея"),
            ("Kiev", "Києва"),
            ("Львов", "Львовом"),
            ("Миколаїв", "Миколаєві"),
        ] {
            assert!(meet(one, other), "{one} {other}");
        }
        assert!(!meet("Олександр", "Олексій") && !meet("Київ", "Харьков"));
        assert!(groups("Зеленський").is_empty());
    }

    #[test]
    fn patronymics_are_known_by_their_ending() {
        for word in [
            "Петрович",
            "Петровичем",
            "Іванівни",
            "Сергеевна",
            "Petrovych",
        ] {
            assert!(is_patronymic(word), "{word}");
        }
        assert!(!is_patronymic("Зеленський") && !is_patronymic("Ович"));
    }
}
