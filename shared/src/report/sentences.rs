//! Limits the number and the length of sentences, so that the state payload stays below 256 KiB, also with the problems
//! of every project.

/// How many sentences of a kind are reported.
const MAX_SENTENCES: usize = 25;

/// How long one may be, in characters.
const MAX_LENGTH: usize = 200;

/// The first sentences, shortened, and how many more there are.
pub(crate) fn limited(sentences: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut sentences = sentences.into_iter();
    let mut limited: Vec<String> =
        sentences.by_ref().take(MAX_SENTENCES).map(|sentence| sentence.chars().take(MAX_LENGTH).collect()).collect();
    let more = sentences.count();
    if more > 0 {
        limited.push(format!("and {more} more like these"));
    }
    limited
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_sentences_stay_as_they_are_and_of_many_the_first_remain() {
        let sentences = |n: usize| (0..n).map(|n| format!("{n} {}", "x".repeat(300)));
        assert_eq!(limited(["a".to_owned()]), ["a"]);
        let shortened = limited(sentences(100));
        assert_eq!((shortened.len(), shortened[25].as_str()), (26, "and 75 more like these"));
        assert!(shortened.iter().all(|it| it.len() <= MAX_LENGTH));
    }
}
