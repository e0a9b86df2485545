//! Events that name only a flow are found under the client that the flow belongs to.

use hub_index::{Clause, Index, OWNER, Order, Question};

use crate::help::{Fixture, caught_up};

fn of_client(index: &Index, client: &str) -> Vec<u64> {
    let all = vec![Clause::Tag(OWNER, client.to_owned())];
    let question = Question { all, order: Order::OldestFirst, ..Question::default() };
    index.view().unwrap().search(&question).unwrap()
}

fn owns(client: &str, flow: &str) -> String {
    format!("1\nclient={client}\n\n{flow}")
}

fn names(flow: &str) -> String {
    format!("1\nflow={flow}\n\n")
}

#[test]
fn a_flow_belongs_to_who_was_first_over_commits_and_restarts() {
    let fixture = Fixture::new();
    let index = fixture.open();
    fixture.append(vec![names("pay_1"), owns("anna", "pay_1"), names("pay_1")]);
    assert_eq!(of_client(&index, "anna"), [2, 3], "not what came before it was known");
    caught_up(&index);
    // Another's claim comes too late, and does not take the flow over.
    fixture.append(vec![owns("berta", "pay_1"), names("pay_1"), names("pay_10")]);
    assert_eq!(of_client(&index, "anna"), [2, 3, 5]);
    assert_eq!(of_client(&index, "berta"), [4]);
    drop(index);

    let index = fixture.open();
    assert_eq!(of_client(&index, "anna"), [2, 3, 5], "from the log again");
    caught_up(&index);
    // More flows than are remembered.
    fixture.append((0..100).map(|n| owns("carl", &format!("pay_c{n}"))).collect());
    fixture.append((0..100).map(|n| names(&format!("pay_c{n}"))).collect());
    caught_up(&index);
    fixture.append((0..100).map(|n| names(&format!("pay_c{n}"))).collect());
    fixture.append(vec![names("pay_1")]);
    let all = Clause::Tag(OWNER, "carl".to_owned());
    let question = Question { all: vec![all], limit: 1000, ..Question::default() };
    assert_eq!(index.view().unwrap().search(&question).unwrap().len(), 300);
    assert_eq!(of_client(&index, "anna"), [2, 3, 5, 307]);
}
