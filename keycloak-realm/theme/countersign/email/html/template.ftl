<#-- The same shape as broker/mail/layout.html. The only thing about the person is the name. -->
<#macro emailLayout title="">
<!DOCTYPE html>
<html lang="${locale.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
</head>
<body style="margin:0;padding:16px;background:#ffffff;color:#1b1b1b;font:16px/1.5 Helvetica,Arial,sans-serif">
<div style="max-width:36em;margin:0 auto">
<#if title?has_content><h1 style="font-size:22px;line-height:1.3">${title}</h1></#if>
<p><#if (user.firstName)?has_content>${msg("mailHello", (user.firstName + " " + (user.lastName)!"")?trim)}<#else>${msg("mailHelloYou")}</#if></p>
<#nested>
<hr style="border:0;border-top:1px solid #a9aeb1;margin:24px 0 12px">
<p style="font-size:14px;color:#454545">${msg("mailNoAnswer")}</p>
</div>
</body>
</html>
</#macro>

<#macro button href text>
<p><a href="${href}" style="display:inline-block;padding:10px 18px;border-radius:4px;background:#005ea2;color:#ffffff;font-weight:bold;text-decoration:none">${text}</a></p>
<p style="font-size:14px">${msg("mailButtonFails")}<br><a href="${href}" style="color:#005ea2;word-break:break-all">${href}</a></p>
</#macro>
