"""Names and words that the demo company is made of, Cyrillic and Latin."""

from typing import Final

FIRST_NAMES: Final = (
    "Анна Борис Вера Глеб Дарья Егор Жанна Захар Ирина Кирилл Лидия Максим Нина Олег Полина Роман Светлана "
    "Тимур Ульяна Фёдор Anna Bruno Clara David Elena Felix Greta Hugo Ines Jonas Karla Luca Maria Noah Olga "
    "Paul Rita Søren Thomas Zoë"
).split()
LAST_NAMES: Final = (
    "Иваненко Кузьмич Соловей Белых Чайка Гончар Мороз Шевчук Дубровских Седых Лебедь Франко Коваль Зуб "
    "Weber Schmidt Müller Rossi García Novak Horváth Larsen Dubois O'Brien Costa Meyer Fischer Kowalski"
).split()
MIDDLE_NAMES: Final = ("Александровна", "Олегович", "Игоревна", "Петрович", "", "", "", "J.")
COMPANY_WORDS: Final = (
    "Север Вектор Заря Орион Гранит Маяк Сигма Континент Альфа Лотос Nordwind Helios Atlas Meridian Quanta "
    "Bluestone Castello Rheintal Vistula Danube"
).split()
COMPANY_FORMS: Final = ("ООО «{}»", "АО «{}»", "ИП {}", "{} GmbH", "{} Ltd", "{} & Co", "{} S.r.l.", "{} <Group>")
PRODUCTS: Final = (
    "Поставка оборудования",
    "Внедрение CRM",
    "Годовая поддержка",
    "Аудит склада",
    "Обучение отдела продаж",
    "Website redesign",
    "Annual licence",
    "Warehouse automation",
    'Pilot "50/50"',
    "Data migration",
    "Интеграция с 1С",
    "Office lease & fit-out",
)
CITIES: Final = ("Москва", "Казань", "Самара", "Алматы", "Berlin", "Wien", "Milano", "Kraków", "Lisboa", "Oslo")
COUNTRIES: Final = (
    "Россия",
    "Россия",
    "Россия",
    "Казахстан",
    "Germany",
    "Austria",
    "Italy",
    "Poland",
    "Portugal",
    "Norway",
)
COUNTRY_CODES: Final = ("RU", "RU", "RU", "KZ", "DE", "AT", "IT", "PL", "PT", "NO")
STREETS: Final = ("ул. Садовая", "пр. Мира", "Лесная ул.", "Hauptstraße", "Via Roma", "Market Street", "Rua Augusta")
POSTS: Final = ("Директор", "Бухгалтер", "Закупки", "CEO", "Buyer", "Engineer", "Office manager", "")
DEPARTMENTS: Final = (
    "Продажи",
    "Sales West",
    "Маркетинг",
    "Support",
    "Бухгалтерия",
    "Логистика",
    "IT",
    "HR",
    "Юридический отдел",
    "Partner channel",
)
TASKS: Final = (
    "Позвонить клиенту",
    "Подготовить договор",
    "Send the offer",
    "Check the invoice",
    "Согласовать смету",
    "Plan the roll-out",
    "Собрать отзывы",
    "Review the minutes",
)
SUBJECTS: Final = ("Входящий звонок", "Встреча", "E-mail: offer", "Follow-up call", "Письмо по договору", "To-do")
COMMENTS: Final = (
    "",
    "",
    None,
    "Перезвонить после 15:00.",
    "Wants a discount of 10 % & free delivery.",
    "Линия 1\nЛиния 2",
    'Said: "maybe in Q3" \\ undecided',
    "<b>VIP</b> / постоянный клиент",
    "emoji 🚀 and a tab\there",
)
SMART_PROCESSES: Final = (
    "Закупки",
    "Onboarding",
    "Рекламации",
    "Equipment rental",
    "Договоры",
    "Events",
    "Тендеры",
    "Warranty",
)
