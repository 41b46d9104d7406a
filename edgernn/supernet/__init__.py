"""Train once, deploy many: networks of many sizes that share the weights of the largest."""
