
// What the service offers of users.
pub mod routes {
    use super::*;
    use axum::Router;
    use axum::extract::{Json, Path, State};
    use axum::http::StatusCode;
    use axum::routing::get;

    type Answer<T> = Result<Json<T>, StatusCode>;

    pub fn router(users: Users0) -> Router {
        Router::new()
            .route("/users_0", axum::routing::put(update))
            .route("/users_0/{id}", get(one).delete(delete))
            .route("/users_0/email/{email}", get(by_email))
            .route("/users_0/country/{country}", get(by_country))
            .with_state(users)
    }

    fn failed(error: sqlx::Error) -> StatusCode {
        eprintln!("{error}");
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn found(user: sqlx::Result<Option<std::sync::Arc<User0>>>) -> Answer<User0> {
        let user = user.map_err(failed)?.ok_or(StatusCode::NOT_FOUND)?;
        Ok(Json((*user).clone()))
    }

    async fn one(State(users): State<Users0>, Path(id): Path<i64>) -> Answer<User0> {
        found(users.get(id).await)
    }

    async fn by_email(State(users): State<Users0>, Path(email): Path<String>) -> Answer<User0> {
        found(users.find_by_email(&email).await)
    }

    async fn by_country(State(users): State<Users0>, Path(country): Path<String>) -> Answer<Vec<User0>> {
        let users = users.list_by_country(&country, ..20).await.map_err(failed)?;
        Ok(Json(users.iter().map(|user| (**user).clone()).collect()))
    }

    async fn update(State(users): State<Users0>, Json(user): Json<User0>) -> Answer<User0> {
        found(users.update(&user).await)
    }

    async fn delete(State(users): State<Users0>, Path(id): Path<i64>) -> Answer<User0> {
        found(users.delete(id).await)
    }
}
