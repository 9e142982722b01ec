//! Makes a topic and waits until every partition has a leader that knows it is one: Kafka answers CreateTopics, and
//! names leaders in Metadata, before that is so.

use std::time::{Duration, Instant};

use millrace_load::LoadError;
use millrace_load::arguments::Arguments;
use millrace_load::json::Object;

use crate::connection::Connection;
use crate::wire::Request;

const LIST_OFFSETS: i16 = 2;
const METADATA: i16 = 3;
const CREATE_TOPICS: i16 = 19;
const TOPIC_ALREADY_EXISTS: i16 = 36;
/// ListOffsets' way to ask for the end.
const LATEST: i64 = -1;
const LEADER_WAIT: Duration = Duration::from_secs(30);

/// The verb `create`: a topic that exists already is taken as it is.
pub fn create(arguments: &mut Arguments) -> Result<Object, LoadError> {
    let bootstrap: String = arguments.required("bootstrap")?;
    let topic: String = arguments.required("topic")?;
    let partitions: i32 = arguments.or("partitions", 1)?;
    arguments.finish()?;

    let mut connection = Connection::open(&bootstrap)?;
    let mut request = Request::prepare(CREATE_TOPICS, 2, |body| {
        body.int32(1);
        body.string(&topic);
        body.int32(partitions);
        body.int16(1);
        body.int32(0);
        body.int32(0);
        body.int32(30_000);
        body.int8(0);
    });
    let mut answer = connection.call("CreateTopics", &mut request)?;
    answer.int32()?;
    if answer.length()? != 1 {
        return Err(answer.misfit());
    }
    answer.skip_string()?;
    match answer.int16()? {
        0 | TOPIC_ALREADY_EXISTS => {}
        code => return Err(LoadError::Refused { api: "CreateTopics", code }),
    }
    wait_for_leaders(&mut connection, &topic, partitions)?;
    Ok(Object::new().word("topic", &topic).count("partitions", partitions as u64))
}

fn wait_for_leaders(connection: &mut Connection, topic: &str, partitions: i32) -> Result<(), LoadError> {
    let began = Instant::now();
    loop {
        if leaders(connection, topic)? == partitions && all_answer(connection, topic, partitions)? {
            return Ok(());
        }
        if began.elapsed() > LEADER_WAIT {
            return Err(LoadError::NoLeader { topic: topic.to_owned(), seconds: LEADER_WAIT.as_secs() });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How many partitions of `topic` have a leader, by Metadata v1.
fn leaders(connection: &mut Connection, topic: &str) -> Result<i32, LoadError> {
    let mut request = Request::prepare(METADATA, 1, |body| {
        body.int32(1);
        body.string(topic);
    });
    let mut answer = connection.call("Metadata", &mut request)?;
    for _ in 0..answer.length()? {
        answer.int32()?;
        answer.skip_string()?;
        answer.int32()?;
        answer.skip_string()?;
    }
    answer.int32()?;
    let mut led = 0;
    for _ in 0..answer.length()? {
        let topic_error = answer.int16()?;
        answer.skip_string()?;
        answer.int8()?;
        for _ in 0..answer.length()? {
            let partition_error = answer.int16()?;
            answer.int32()?;
            let leader = answer.int32()?;
            for _ in 0..2 {
                let nodes = answer.length()?;
                answer.take(nodes.checked_mul(4).ok_or(answer.misfit())?)?;
            }
            if topic_error == 0 && partition_error == 0 && leader >= 0 {
                led += 1;
            }
        }
    }
    Ok(led)
}

/// Whether every partition's leader answers for it, by ListOffsets v1.
fn all_answer(connection: &mut Connection, topic: &str, partitions: i32) -> Result<bool, LoadError> {
    let mut request = Request::prepare(LIST_OFFSETS, 1, |body| {
        body.int32(-1);
        body.int32(1);
        body.string(topic);
        body.int32(partitions);
        for partition in 0..partitions {
            body.int32(partition);
            body.int64(LATEST);
        }
    });
    let mut answer = connection.call("ListOffsets", &mut request)?;
    if answer.length()? != 1 {
        return Err(answer.misfit());
    }
    answer.skip_string()?;
    let mut all = true;
    for _ in 0..answer.length()? {
        answer.int32()?;
        all &= answer.int16()? == 0;
        answer.int64()?;
        answer.int64()?;
    }
    Ok(all)
}
