<#-- The layout of every page: the house's header, one heading, the message, the page's own form, a way
     back. Keycloak's own layout brings inline scripts and handlers; the realm's Content-Security-Policy
     (realm.json) runs none, so what the parent's templates still hold of them is taken out here. -->
<#import "field.ftl" as field>
<#import "portal.ftl" as portal>

<#-- A template's section without inline scripts, handlers and styles. Values are escaped, so a
     person's text holds no quotation mark and never matches. -->
<#function clean section>
  <#return section?markup_string?replace('<!--.*?-->', '', 'rs')
      ?replace('<script(?![^>]*application/json)[^>]*>.*?</script>', '', 'rs')
      ?replace(' (on[a-z]+|style)="[^"]*"', '', 'r')?trim?no_esc>
</#function>

<#macro username>
  <p class="cs-who">${msg("signingInAs")} <strong id="kc-attempted-username">${auth.attemptedUsername}</strong>
    <a id="reset-login" href="${url.loginRestartFlowUrl}">${msg("restartLoginTooltip")}</a></p>
</#macro>

<#macro registrationLayout bodyClass="" displayInfo=false displayMessage=true displayRequiredFields=false>
<#assign header><#nested "header"></#assign>
<#assign header = clean(header)>
<#assign form><#nested "form"></#assign>
<#assign others><#nested "socialProviders"></#assign>
<#assign showUsername><#nested "show-username"></#assign>
<#assign failed = pageId != "error" && message?has_content && message.type = "error" || messagesPerField?? && (messagesPerField.existsError("username", "password", "password-confirm", "totp", "userLabel", "recoveryCodeInput", "email", "firstName", "lastName"))!false>
<!DOCTYPE html>
<html class="${properties.kcHtmlClass}" lang="${lang}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="robots" content="noindex, nofollow">
  <title><#if failed>${msg("errorPrefix")} </#if>${header?markup_string?replace('<[^>]*>', '', 'r')?trim?no_esc} – ${realm.displayName!realm.name}</title>
  <link rel="icon" href="${url.resourcesPath}/img/icon.svg?${properties.build}" type="image/svg+xml">
  <link rel="stylesheet" href="${url.resourcesPath}/css/countersign.css?${properties.build}">
  <script type="module" src="${url.resourcesPath}/js/page.js?${properties.build}"></script>
  <script type="module" src="${url.resourcesPath}/js/strength.js?${properties.build}"></script>
  <script type="module" src="${url.resourcesPath}/js/passkey.js?${properties.build}"></script>
<#-- No end tag: before it Keycloak would put an inline script after each POST. js/page.js does its work. -->
<body data-page-id="login-${pageId}">
<a class="cs-skip" href="#main">${msg("skipToMain")}</a>
<header class="cs-header">
  <div class="cs-column cs-header__inner">
    <a class="cs-brand" href="${portal.address()}"><img src="${url.resourcesPath}/img/icon.svg?${properties.build}" alt="" width="32" height="32"> ${realm.displayName!realm.name}</a>
    <#if realm.internationalizationEnabled && locale.supported?size gt 1>
    <nav aria-label="${msg("languages")}">
      <ul class="cs-languages">
        <#list locale.supported?sort_by("label") as l>
          <#if l.languageTag != locale.currentLanguageTag><li><a href="${l.url}" lang="${l.languageTag}" hreflang="${l.languageTag}">${l.label}</a></li></#if>
        </#list>
      </ul>
    </nav>
    </#if>
  </div>
</header>
<main class="cs-column cs-main" id="main" tabindex="-1">
  <h1 id="kc-page-title">${header}</h1>
  <#if auth?has_content && auth.showUsername() && !auth.showResetCredentials()>
    ${clean(showUsername)}
    <@username />
  </#if>
  <#-- A step that an application asked for needs no warning that it is due. -->
  <#if displayMessage && message?has_content && (message.type != "warning" || !isAppInitiatedAction??)>
    <div class="cs-alert cs-alert--${message.type}" <#if message.type = "error">role="alert"<#else>role="status"</#if>>
      <p class="kc-feedback-text">${kcSanitize(message.summary)?no_esc}</p>
    </div>
  </#if>
  ${clean(form)}
  <#if auth?has_content && auth.showTryAnotherWayLink()>
    <form id="kc-select-try-another-way-form" class="cs-other" action="${url.loginAction}" method="post">
      <input type="hidden" name="tryAnotherWay" value="on">
      <button id="try-another-way" class="${properties.kcButtonLinkClass}" type="submit">${msg("doTryAnotherWay")}</button>
    </form>
  </#if>
  ${clean(others)}
  <#if displayInfo>
    <div id="kc-info"><#nested "info"></div>
  </#if>
</main>
</body>
</html>
</#macro>
