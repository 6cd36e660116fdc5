<#-- The way back: the application's own address, or the portal's where it has none or nobody knows
     which application it was. Keycloak's own account pages are nobody's way back. -->
<#function address>
  <#if client?? && (client.baseUrl)?has_content && !client.clientId?starts_with("account")><#return client.baseUrl></#if>
  <#return (realm.getAttribute("countersign.portal"))!"/">
</#function>

<#macro back>
  <p class="cs-back"><a id="backToApplication" href="${address()}">${msg("backToPortal", realm.displayName!realm.name)}</a></p>
</#macro>
