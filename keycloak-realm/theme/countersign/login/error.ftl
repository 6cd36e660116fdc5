<#import "template.ftl" as layout>
<#import "portal.ftl" as portal>
<@layout.registrationLayout displayMessage=false; section>
    <#if section = "header">
        ${kcSanitize(msg("errorTitle"))?no_esc}
    <#elseif section = "form">
        <div id="kc-error-message" class="cs-alert cs-alert--error" role="alert"><p>${kcSanitize(message.summary)?no_esc}</p></div>
        <#if traceId??><p id="traceId">${msg("traceIdSupportMessage", traceId)}</p></#if>
        <@portal.back/>
    </#if>
</@layout.registrationLayout>
