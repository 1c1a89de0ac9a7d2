fn main() -> atlas_cmk::runtime::Exit {
    atlas_cmk::runtime::notifying::<atlas_cmk::functions::AnswerApproval>()
}
