fn main() -> atlas_cmk::runtime::Exit {
    atlas_cmk::runtime::answering::<atlas_cmk::functions::DecideTurn>()
}
