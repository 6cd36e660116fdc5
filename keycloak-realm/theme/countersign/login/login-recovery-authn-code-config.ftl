<#-- The codes are shown once. Copying, keeping and printing need a script; writing them down does not. -->
<#import "template.ftl" as layout>
<#import "field.ftl" as field>
<#import "buttons.ftl" as buttons>
<@layout.registrationLayout; section>
<#if section = "header">
    ${msg("recovery-code-config-header")}
<#elseif section = "form">
    <div class="cs-alert cs-alert--warning">
        <h2>${msg("recovery-code-config-warning-title")}</h2>
        <p>${msg("recovery-code-config-warning-message")}</p>
    </div>
    <ol id="kc-recovery-codes-list" class="cs-codes">
        <#list recoveryAuthnCodesConfigBean.generatedRecoveryAuthnCodesList as code><li>${code[0..3]}-${code[4..7]}-${code[8..]}</li></#list>
    </ol>
    <div id="recovery-actions" class="cs-actions" hidden data-copied="${msg("recovery-codes-copied")}" data-file="${msg("recoveryFileName")}"
        data-header="${msg("recovery-codes-download-file-header")}" data-about="${msg("recovery-codes-download-file-description")}">
        <button id="printRecoveryCodes" class="${properties.kcButtonSecondaryClass}" type="button">${msg("recovery-codes-print")}</button>
        <button id="downloadRecoveryCodes" class="${properties.kcButtonSecondaryClass}" type="button">${msg("recovery-codes-download")}</button>
        <button id="copyRecoveryCodes" class="${properties.kcButtonSecondaryClass}" type="button">${msg("recovery-codes-copy")}</button>
        <span id="recovery-said" role="status"></span>
    </div>
    <form action="${url.loginAction}" class="${properties.kcFormClass}" id="kc-recovery-codes-settings-form" method="post">
        <input type="hidden" name="generatedRecoveryAuthnCodes" value="${recoveryAuthnCodesConfigBean.generatedRecoveryAuthnCodesAsString}">
        <input type="hidden" name="generatedAt" value="${recoveryAuthnCodesConfigBean.generatedAt?c}">
        <input type="hidden" id="userLabel" name="userLabel" value="${msg("recovery-codes-label-default")}">
        <div class="${properties.kcCheckboxClass}">
            <input type="checkbox" id="kcRecoveryCodesConfirmationCheck" name="kcRecoveryCodesConfirmationCheck" required>
            <label for="kcRecoveryCodesConfirmationCheck">${msg("recovery-codes-confirmation-message")}</label>
        </div>
        <@field.checkbox name="logout-sessions" label=msg("logoutOtherSessions") value=false />
        <@buttons.actionGroup horizontal=true>
            <@buttons.button id="saveRecoveryAuthnCodesBtn" label="recovery-codes-action-complete"/>
            <#if isAppInitiatedAction??>
                <button type="submit" class="${properties.kcButtonSecondaryClass}" id="cancelRecoveryAuthnCodesBtn" name="cancel-aia" value="true" formnovalidate>${msg("recovery-codes-action-cancel")}</button>
            </#if>
        </@buttons.actionGroup>
    </form>
</#if>
</@layout.registrationLayout>
