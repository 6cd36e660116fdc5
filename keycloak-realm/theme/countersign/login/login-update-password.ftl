<#-- Where a password is chosen: the realm's policy in words, and a label of its strength (A15). -->
<#import "template.ftl" as layout>
<#import "field.ftl" as field>
<#import "buttons.ftl" as buttons>
<#import "strength.ftl" as strength>
<#-- What the policy refuses comes as a message without a field; it belongs to the first one. -->
<#assign refused = message?has_content && message.type = "error">
<@layout.registrationLayout displayMessage=!refused && !messagesPerField.existsError('password','password-confirm'); section>
    <#if section = "header">
        ${msg("updatePasswordTitle")}
    <#elseif section = "form">
        <form id="kc-passwd-update-form" class="${properties.kcFormClass!}" action="${url.loginAction}" method="post">
            <#assign policy><@strength.policy/></#assign>
            <@field.password name="password-new" label=msg("passwordNew") error=refused?then((message.summary)!'', messagesPerField.get('password')) autocomplete="new-password" autofocus=true hint=policy>
                <@strength.label of="password-new"/>
            </@field.password>
            <@field.password name="password-confirm" label=msg("passwordConfirm") autocomplete="new-password" />
            <@field.checkbox name="logout-sessions" label=msg("logoutOtherSessions") value=true />
            <@buttons.actionGroup horizontal=true>
                <@buttons.button id="kc-submit" name="login" label="savePassword"/>
                <#if isAppInitiatedAction??>
                    <@buttons.button id="kc-cancel" label="doCancel" name="cancel-aia" type="secondary"/>
                </#if>
            </@buttons.actionGroup>
        </form>
    </#if>
</@layout.registrationLayout>
