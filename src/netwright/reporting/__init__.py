"""What people look at: pictures of results, without a plotting library."""
