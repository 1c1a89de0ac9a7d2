fn main() -> atlas_cmk::runtime::Exit {
    atlas_cmk::runtime::run::<atlas_cmk::steps::TakeTurn>()
}
