//! What is told in sentences has to fit into what states pass on, beside what is told of each project, whatever has happened to how many.

/// How many sentences of a kind are told.
const SENTENCES: usize = 25;

/// How long one may be, in characters.
const LENGTH: usize = 200;

/// The first sentences, shortened, and how many more there are.
pub(super) fn at_most_told(sentences: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut sentences = sentences.into_iter();
    let mut told: Vec<String> =
        sentences.by_ref().take(SENTENCES).map(|sentence| sentence.chars().take(LENGTH).collect()).collect();
    let more = sentences.count();
    if more > 0 {
        told.push(format!("and {more} more like these"));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_sentences_are_told_as_they_are_and_of_many_the_first() {
        let sentences = |n: usize| (0..n).map(|n| format!("{n} {}", "x".repeat(300)));
        assert_eq!(at_most_told(["a".to_owned()]), ["a"]);
        let told = at_most_told(sentences(100));
        assert_eq!((told.len(), told[25].as_str()), (26, "and 75 more like these"));
        assert!(told.iter().all(|told| told.len() <= LENGTH));
    }
}
