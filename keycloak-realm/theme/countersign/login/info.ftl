<#-- A link in a mail leads here first, and a finished step ends here. -->
<#import "template.ftl" as layout>
<#import "portal.ftl" as portal>
<@layout.registrationLayout displayMessage=false; section>
    <#if section = "header">
        <#if messageHeader??>${kcSanitize(msg("${messageHeader}"))?no_esc}<#elseif requiredActions??>${msg("actionsTitle")}<#else>${kcSanitize(message.summary)?no_esc}</#if>
    <#elseif section = "form">
        <div id="kc-info-message">
        <#if requiredActions??>
            <p>${message.summary}</p>
            <ul><#list requiredActions as action><li>${kcSanitize(msg("requiredAction.${action}"))?no_esc}</li></#list></ul>
        <#elseif messageHeader??>
            <p>${kcSanitize(message.summary)?no_esc}</p>
        </#if>
        <#if pageRedirectUri?has_content>
            <p><a class="${properties.kcButtonPrimaryClass}" href="${pageRedirectUri}">${msg("goOn")}</a></p>
        <#elseif actionUri?has_content>
            <p><a class="${properties.kcButtonPrimaryClass}" href="${actionUri}">${msg("proceedWithAction")}</a></p>
        </#if>
        </div>
        <#if !pageRedirectUri?has_content><@portal.back/></#if>
    </#if>
</@layout.registrationLayout>
