
// Everything is called, as everything that is in a program is called by it somewhere.
async fn calls(users: &Users0, user: &User0) -> sqlx::Result<usize> {
    let one = users.get(user.id).await?;
    let other = users.find_by_email(&user.email).await?;
    let many = users.list_by_country(&user.country, ..20).await?;
    let after = users.update(user).await?;
    let gone = users.delete(user.id).await?;
    Ok(many.len() + [one, other, after, gone].iter().flatten().count())
}

// What nobody could ever poll would not be compiled.
pub fn boxed<'u>(
    users: &'u Users0,
    user: &'u User0,
) -> std::pin::Pin<Box<dyn Future<Output = sqlx::Result<usize>> + Send + 'u>> {
    Box::pin(calls(users, user))
}
