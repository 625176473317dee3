//! Nothing takes more than it may, and what goes wrong goes wrong for one query.
use super::*;

fn desk(budget: Budget) -> Desk {
    Desk::new(budget).unwrap()
}

fn refused(budget: Budget, sql: &str) -> String {
    let asks = World::new().asks();
    bytes(&desk(budget), &asks.source, sql, Shape::Json).map(|_| "answered".to_owned()).unwrap_err()
}

#[test]
fn rows() {
    let budget = Budget { rows_max: 100, ..Budget::default() };
    let said = refused(budget, "SELECT value FROM generate_series(1, 101)");
    assert!(said.contains("more than 100 rows"), "{said}");
    let asks = World::new().asks();
    let all =
        bytes(&desk(budget), &asks.source, "SELECT value FROM generate_series(1, 100)", Shape::Csv);
    assert_eq!(String::from_utf8(all.unwrap()).unwrap().lines().count(), 101);
}

#[test]
fn a_limit_that_is_asked_for_ends_the_answer() {
    let asks = World::new().asks();
    let question = Question {
        sql: "SELECT value FROM generate_series(1, 1000000000)".to_owned(),
        limit: Some(3),
        shape: Shape::Csv,
    };
    let mut answer = DESK.ask(asks.source.clone(), question).unwrap();
    let mut text = Vec::new();
    while let Some(piece) = answer.next_blocking() {
        text.append(&mut piece.unwrap());
    }
    assert_eq!(text, b"value\n1\n2\n3\n");
}

#[test]
fn memory() {
    let budget = Budget { memory_bytes: 1 << 20, ..Budget::default() };
    let said = refused(
        budget,
        "SELECT value FROM generate_series(1, 3000000) ORDER BY value % 7, value DESC",
    );
    assert!(said.contains("memory_bytes"), "{said}");
}

#[test]
fn no_function_makes_as_much_as_a_number_says() {
    let asks = World::new().asks();
    for call in [
        "length(repeat('x', 2000000000))",
        "length(lpad('x', 2000000000, 'y'))",
        "length(rpad('x', 2000000000, 'y'))",
        "array_length(range(1, 1000000000))",
        "array_length(generate_series(1, 1000000000))",
        "array_length(array_repeat(1, 1000000000))",
        "array_length(list_repeat(1, 1000000000))",
        "array_length(array_resize([1], 1000000000, 1))",
    ] {
        let said = asks.says(&format!("SELECT {call} AS n"));
        assert!(said.contains("Invalid function"), "{call}: {said}");
    }
    assert_eq!(asks.rows("SELECT ordinals([7, 8]) AS n"), [json!({ "n": [1, 2] })]);
    assert!(asks.says("SELECT ordinals('x')").contains("takes a list"));
}

#[test]
fn time() {
    let budget = Budget { time: Duration::from_millis(300), ..Budget::default() };
    let endless = "SELECT sum(a.value * b.value) FROM generate_series(1, 1000000) a \
                   CROSS JOIN generate_series(1, 1000000) b";
    let said = refused(budget, endless);
    assert!(said.contains("not answered within 300 ms"), "{said}");
}

#[test]
fn as_many_as_may_be_and_no_more_until_one_is_left() {
    let desk = desk(Budget { concurrent: 1, ..Budget::default() });
    let asks = World::new().asks();
    let question = |sql: &str| Question { sql: sql.to_owned(), limit: None, shape: Shape::Csv };
    let endless = question(
        "SELECT sum(a.value * b.value) FROM generate_series(1, 1000000) a \
         CROSS JOIN generate_series(1, 1000000) b",
    );
    let left = desk.ask(asks.source.clone(), endless).unwrap();
    let busy = desk.ask(asks.source.clone(), question("SELECT 1")).unwrap_err();
    assert!(matches!(busy, QueryError::Busy { concurrent: 1 }));
    drop(left);
    // It ends because nobody waits for it, and not before it is over the next one is taken.
    while let Err(QueryError::Busy { .. }) = desk.ask(asks.source.clone(), question("SELECT 1")) {
        std::thread::yield_now();
    }
}

#[test]
fn an_answer_without_its_end_is_an_error() {
    let desk = desk(Budget::default());
    let question = Question {
        sql: "SELECT value FROM generate_series(1, 100000)".to_owned(),
        limit: None,
        shape: Shape::Csv,
    };
    let mut answer = desk.ask(World::new().asks().source, question).unwrap();
    assert!(answer.next_blocking().unwrap().is_ok());
    drop(desk);
    let mut last = None;
    while let Some(piece) = answer.next_blocking() {
        last = Some(piece);
    }
    assert!(last.unwrap().is_err());
}

#[test]
fn a_panic_ends_one_query() {
    let mut world = World::new();
    world.beside.panic = Some("a test of what a panic does");
    let asks = world.asks();
    assert!(
        asks.says("SELECT * FROM signals").contains("defect"),
        "{}",
        asks.says("SELECT * FROM signals")
    );
    assert_eq!(asks.rows("SELECT 1 AS one"), [json!({ "one": 1 })]);
}

#[test]
fn a_plan_as_deep_as_a_query_may_be_is_answered() {
    let asks = World::new().asks();
    let sum = |count: usize| format!("SELECT 1{} AS sum", "+1".repeat(count));
    assert_eq!(asks.rows(&sum(990)), [json!({ "sum": 991 })]);
    assert!(
        asks.says(&sum(1_000)).contains("operators and key words"),
        "{}",
        asks.says(&sum(1_000))
    );
    let either = " OR channel = 'x'".repeat(300);
    assert!(asks.rows(&format!("SELECT id FROM sessions WHERE false{either}")).is_empty());
    let nested = format!("SELECT {}1{}", "(".repeat(900), ")".repeat(900));
    assert!(asks.says(&nested).contains("recursion"), "{}", asks.says(&nested));
    let listed = vec!["'0199'"; 5_000].join(", ");
    assert!(asks.rows(&format!("SELECT id FROM sessions WHERE id IN ({listed})")).is_empty());
}
