return {
  reconcile = { disabled = false, displayName = "Reconcile now", iconClass = "fa fa-fw fa-sync" },
}
