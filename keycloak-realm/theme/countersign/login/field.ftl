<#-- Label, hint, error and control, in this order, tied together for a screen reader. -->
<#macro group name label error="" required=false hint="">
<div class="${properties.kcFormGroupClass}<#if error?has_content> cs-group--error</#if>">
  <label for="${name}" class="${properties.kcFormLabelClass}">${label}</label>
  <#if hint?has_content><p class="cs-hint" id="${name}-hint">${hint}</p></#if>
  <#if error?has_content><p class="cs-message" id="input-error-${name}"><strong>${msg("errorPrefix")}</strong> ${kcSanitize(error)?no_esc}</p></#if>
  <#nested>
</div>
</#macro>

<#macro described name error="" hint=""><#if error?has_content> aria-invalid="true"</#if><#if error?has_content || hint?has_content> aria-describedby="<#if hint?has_content>${name}-hint</#if><#if error?has_content> input-error-${name}</#if>"</#if></#macro>

<#macro errorIcon error=""></#macro>

<#macro input name label value="" required=false autocomplete="off" fieldName=name error=messagesPerField.get(fieldName) autofocus=false hint="">
  <@group name=name label=label error=error hint=hint>
    <input class="${properties.kcInputClass}" id="${name}" name="${name}" value="${value}" type="text" autocomplete="${autocomplete}" autocapitalize="none" spellcheck="false"<#if autofocus> autofocus</#if><#if autocomplete == "one-time-code"> inputmode="numeric"</#if><@described name=name error=error hint=hint/>>
  </@group>
</#macro>

<#-- "Show password" appears where the page's script runs. -->
<#macro password name label value="" required=false forgotPassword=false fieldName=name error=messagesPerField.get(fieldName) autocomplete="off" autofocus=false hint="">
  <@group name=name label=label error=error hint=hint>
    <input class="${properties.kcInputClass}" id="${name}" name="${name}" value="${value}" type="password" autocomplete="${autocomplete}"<#if autofocus> autofocus</#if><@described name=name error=error hint=hint/>>
    <button class="${properties.kcButtonLinkClass}" type="button" hidden data-show="${name}" aria-controls="${name}" data-hide-text="${msg("hidePassword")}" id="${name}-show-password">${msg("showPassword")}</button>
    <#nested>
    <#if forgotPassword><p><a href="${url.loginResetCredentialsUrl}">${msg("doForgotPassword")}</a></p></#if>
  </@group>
</#macro>

<#macro checkbox name label value=false required=false>
  <div class="${properties.kcCheckboxClass}">
    <input type="checkbox" id="${name}" name="${name}"<#if value> checked</#if>>
    <label for="${name}">${label}</label>
  </div>
</#macro>
