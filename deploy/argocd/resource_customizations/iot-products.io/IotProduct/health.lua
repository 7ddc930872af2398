-- Health in step with kstatus: Stalled is Degraded, Ready is Healthy, the rest is under way. Argo CD
-- itself calls an object that is being deleted Progressing, and does not ask.
local generation = obj.metadata.generation or 0
if obj.status == nil or obj.status.observedGeneration ~= generation then
  return { status = "Progressing", message = "waiting for the operator to see generation " .. tostring(generation) }
end

local found = {}
for _, condition in ipairs(obj.status.conditions or {}) do
  -- A condition of an older generation says nothing about this one.
  if condition.observedGeneration == nil or condition.observedGeneration == generation then
    found[condition.type] = condition
  end
end

local function is(kind)
  return found[kind] ~= nil and found[kind].status == "True"
end

local function text(kind)
  local condition = found[kind] or {}
  local reason, message = condition.reason or "", condition.message or ""
  if reason ~= "" and message ~= "" then
    return reason .. ": " .. message
  end
  return reason .. message
end

if is("Stalled") then
  return { status = "Degraded", message = text("Stalled") }
end
if is("Reconciling") then
  return { status = "Progressing", message = text("Reconciling") }
end
if is("Suspended") then
  -- As Argo CD has it for a paused Deployment. kstatus, and with it Flux, goes by Ready alone.
  return { status = "Suspended", message = text("Suspended") }
end
if is("Ready") then
  local message = text("Ready")
  if is("Drifted") then
    message = message .. "; Drifted: " .. (found.Drifted.message or "")
  end
  return { status = "Healthy", message = message }
end
if found.Ready ~= nil then
  return { status = "Progressing", message = text("Ready") }
end
return { status = "Progressing", message = "waiting for the operator" }
